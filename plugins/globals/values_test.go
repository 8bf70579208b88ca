package globals

import (
	"encoding/json"
	"strings"
	"testing"
)

// values are what the helper's variables read as.
var values = []struct{ path, want string }{
	{"main.limit", "40"},
	{"main.label", `"first"`},
	{"main.ratio", "0.5"},
	{"main.enabled", "false"},
	{"main.pace", "1s"},
	{"main.levels", "[]main.level{1, 2, 3}"},
	{"main.levels[1]", "2"},
	{"main.points", `map[main.point]string{{x: 1, y: 2}: "a", {x: 3, y: 4}: "b"}`},
	{"main.points[{x: 3, y: 4}]", `"b"`},
	{"main.words[\"a%2Fb\"].Tags[0]", `"slash"`},
	{"main.words[\"x.y\"].Tags[0]", `"dot"`},
	{"main.anyBy[true]", "12"},
	{"main.anyBy[\"one\"]", "11"},
	{"main.anyBy[1]", "10"},
	{"main.main3.items[3].Tags", `[]string{"a", "b"}`},
	{"main.main3.items[3].Tags[1]", `"b"`},
	{"main.main3.Depth", "7"},
	{"main.main3.inner.Depth", "7"},
	{"main.main3.hits", "5"},
	{"main.main3.wait", "1m30s"},
	{"main.main3.sink.Tags[0]", `"in"`},
	{"main.main3.err", `&errors.errorString{s: "file does not exist"}`},
	{"main.main3.mu", "sync.Mutex{ /* unlocked */ }"},
	{"main.main3.mu.json", `{"locked":false,"waiters":0}`},
	{"main.locked", "sync.Mutex{ /* locked */ }"},
	{"main.readers", "sync.RWMutex{ /* locked by 1 reader */ }"},
	{"main.queue", "make(chan int, 4) /* len 2, cap 4 */"},
	{"main.queue.json", `{"len":2,"cap":4,"closed":false,"receivers":0,"senders":0}`},
	{"main.callback", "main.fill.func2"},
	{"main.raw", "[]byte{0x00, 0x01, 0xff}"},
	{"main.raw.json", `"AAH/"`},
	{"main.matrix", "[2][3]float32{{0, 0, 0}, {0, 0, 0}}"},
	{"main.cplx", "(1+2i)"},
	{"main.nilMap", "nil"},
	{"main.nilSlice", "nil"},
	{"main.nilPtr", "nil"},
	{"main.nilPtr.json", "null"},
	{"main.nilChan", "nil"},
	{"main.nilFunc", "nil"},
	{"main.nilIface", "nil"},
	{"main.anyNil", "nil"},
	{"main.unsafely", "nil"},
	{"main.boxed", "main.level(9)"},
	{"main.boxed.json", `{"type":"main.level","value":9}`},
	{"main.password", "[redacted]"},
	{"main.generic.value", `[]byte("bytes")`},
	{"main.generic.key", "[redacted]"},
	{"main.when", "2026-01-02T03:04:05.000000006Z"},
	{"main.limit.json", "40"},
	{`main.stocks["a"].Depth`, "1"},
	{`main.stocks["b"]`, "nil"},
	{"main.depths[4321].Depth", "4321"},
	{"main.byVal", `map[string]main.inner{"a": {Depth: 1}}`},
	{`main.sinks["p"].Depth`, "3"},
	{`main.sinks["v"].Depth`, "4"},
	{"main.wideBy[1][0]", "5"},
	{`main.nested["x"]["y"].Depth`, "9"},
	{"main.byPtr", "map[*main.inner]int{nil: 1}"},
	{"main.keyed.key", "12"},
	{"main.keyed.apiKeys", "[redacted]"},
	{"main.keyed.keyName", "[redacted]"},
	{"main.keyed.apiKeys[0]", "[redacted]"},
	{"main.nothing", "main.empty{}"},
	{"main.zeroes", "[3]struct {}{{}, {}, {}}"},
	{"main.zeroes[2]", "struct {}{}"},
	{"main.zeroPtr", "&main.empty{}"},
	{"main.zeroSlice", "[]main.empty{{}, {}, {}, {}, {}}"},
	{"main.zeroSlice.json", "[{},{},{},{},{}]"},
	{"main.zeroMap", "map[main.empty]main.empty{{}: {}}"},
	{"main.node.Value", `"root"`},
	{"main.node.Depth", "7"},
	{`main.node.all["root"].next.Value`, `"root"`},
	{"main.bound", "sync.(*Mutex).Unlock-fm"},
	{"main.anyNames", `map[interface {}]interface {}{"password": [redacted], "user": "u"}`},
	{`main.anyNames["password"]`, "[redacted]"},
	{"main.typedBy[int64(1)]", `"int64"`},
	{"main.typedBy[1]", `"int"`},
	{"main.typedBy[main.level(1)]", `"level"`},
	{"main.typedBy[level(1)]", `"level"`},
	{"main.points[{x:3,y:4}]", `"b"`},
	{"main.points[{x: 3, y: 5}]", "error: main.points[{x: 3, y: 5}]: the map has no such key; keys are written as they are printed, {A: 1, B: \"x\"}, without names that are not there"},
	{"main.runes['b']", "2"},
	{"main.levels[1:]", "[]main.level{2, 3}"},
	{"main.levels[:2][1]", "2"},
	{"main.matrix[1][0:2]", "[]float32{0, 0}"},
	{"main.label[1:3]", `"ir"`},
	{"main.levels[2:4]", "error: main.levels[2:4]: the slice is out of range: the length is 3"},
	{"main.levels[a:]", `error: main.levels[a:]: "a" is no whole number`},
	{"main.main3.items[3].Tags[1:].json", `["b"]`},
	{"main.keyed.apiKeys[0:1]", "[redacted]"},
	{"main.main3.sink.(*item).Tags", `[]string{"in"}`},
	{"main.main3.sink.(*main.item).Tags", `[]string{"in"}`},
	{"main.main3.sink.(item)", "error: main.main3.sink.(item): the interface before it holds a *main.item, not a item"},
	{"main.limit.(int)", "error: main.limit.(int): a int is no interface"},
	{"main.limit.()", "error: .(): at 1: expected a type in parentheses"},
	{"main.pointer.Tags", `[]string{"ring"}`},
	{"main.anyInner.Depth", "3"},
	{"main.anyInner.(*inner)", "&main.inner{Depth: 3}"},
	{"main.embedsNil.Depth", "error: main.embedsNil.Depth: the embedded pointer inner before it is nil"},
	{"main.embedsOther.User", "[redacted]"},
	{"main.embedsOther.Secret.User", "[redacted]"},
	{"main.embedsOther", `main.embedsOtherType{Secret: [redacted], Name: "n"}`},
	{"main.port", "&int(80)"},
	{"main.portPtr", "&(&int(80))"},
	{"main.group", "sync.WaitGroup{ /* counter 2 */ }"},
	{"main.group.json", `{"counter":2,"waiters":0}`},
	{"main.synced", `sync.Map{1: "one", "password": [redacted], "two": &main.inner{Depth: 2}}`},
	{"main.synced.json", `[{"key":1,"value":"one"},{"key":"password","value":"[redacted]"},{"key":"two","value":{"type":"*main.inner","value":{"Depth":2}}}]`},
	{`main.synced["two"].Depth`, "2"},
	{`main.synced["password"]`, "[redacted]"},
	{`main.synced["none"]`, `error: main.synced["none"]: the map has no such key; keys are written as they are printed, with the type unless that is plain: 3, "text", int64(3)`},
	{"main.berlin", `&time.Location("Somewhere")`},
	{"main.berlin.name", `"Somewhere"`},
	{"main.ip4", "10.1.2.3"},
	{"main.ip4.json", `"10.1.2.3"`},
	{"main.noIP", "net.IP{0x01}"},
	{"main.prefix", "netip.Prefix{ip: 10.0.0.0, bitsPlusOne: 9}"},
	{"main.bigInts", "[]*big.Int{&big.Int(-5), &big.Int(0), &big.Int(0x18ee90ff6c373e0ee4e3f0ad2)}"},
	{"main.byAddr", "map[*main.inner]string{&main.inner{Depth: 8} /* ADDR */: \"eight\"}"},
	{"main.byAddr[ADDR]", `"eight"`},
	{"main.constant", "error: main.constant is a constant, 12, and no variable"},
	{"main.words[\"a", "error: [\"a: at 1: the bracket is not closed (in the name of a file a / is written %2F)"},
	{"main.allNil.json", `{"p":null,"m":null,"s":null,"c":null,"f":null,"e":null,"a":null,"u":null}`},
}

func TestValues(t *testing.T) {
	exe := build(t)
	for _, config := range []string{reading, writing} {
		h := start(t, exe, config)
		for _, c := range values {
			if got := h.readAs(c.path); got != c.want {
				t.Errorf("%s reads as %s, want %s", c.path, got, c.want)
			}
		}
		if got := h.read("main.ring"); !strings.HasPrefix(got, `&main.item{Tags: []string{"ring"}, next: (*main.item)(0x`) || !strings.HasSuffix(got, ") /* cycle */}") {
			t.Errorf("the ring reads as %s", got)
		}
		if got := h.read("main.deep"); !strings.Contains(got, "/* deeper than 8 */") {
			t.Errorf("a long list reads as %s", got)
		}
		if got := h.read("main.dsn"); strings.Contains(got, "sesame") {
			t.Errorf("a password is shown: %s", got)
		}
		for _, path := range []string{"main.made", "main.madePtr"} {
			if got := h.read(path); !strings.Contains(got, "is no type that the program was built with") {
				t.Errorf("%s of a type that was made at run time reads as %s", path, got)
			}
			if got := h.read(path + ".A"); !strings.Contains(got, "no type that the program was built with") {
				t.Errorf("%s.A reads as %s", path, got)
			}
		}
		for _, path := range []string{"main.selfMap", "main.selfSlice", "main.node"} {
			if got := h.read(path); !strings.Contains(got, "cycle") && !strings.Contains(got, "deeper than 8") || len(got) > 1<<20 {
				t.Errorf("%s reads as %.300s", path, got)
			}
			if got := h.read(path + ".json"); !json.Valid([]byte(got)) {
				t.Errorf("%s.json reads as %.300s", path, got)
			}
		}
		for got := ""; !strings.Contains(got, "3 receivers wait"); { // until they are there
			got = h.read("main.waiting")
		}
		waits := ""
		for !strings.Contains(waits, "1 sender waits") { // until the goroutine has come there
			waits = h.read("main.blocked")
		}
	}
}
