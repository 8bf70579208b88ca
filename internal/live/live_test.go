package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols"
)

func decoder(t testing.TB) *Decoder {
	t.Helper()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("memory is decoded on linux/amd64")
	}
	x, err := symbols.Types()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return &Decoder{Index: x}
}

// place is where the value is that v points to.
func place(d *Decoder, v any) Place {
	r := reflect.ValueOf(v)
	return Place{Type: d.Index.TypeOf(r.Type().Elem()), Addr: r.Pointer()}
}

type kind uint16

type leaf struct {
	Name string
	next *leaf
}

type Base struct{ ID int }

type tree struct {
	Base
	*leaf
	kids map[string]*leaf
	list []leaf
	any  any
	err  error
	kind kind
	_    struct{}
	secretToken,
	plain string
}

type box[T any] struct{ v T }

// oneLine undoes the breaking of lines.
var oneLine = strings.NewReplacer("{\n\t", "{", ",\n\t", ", ", ",\n}", "}")

func TestDecode(t *testing.T) {
	d := decoder(t)
	n := 5
	c := make(chan string, 3)
	c <- "x"
	var once atomic.Pointer[leaf]
	once.Store(&leaf{Name: "p"})
	var b atomic.Bool
	b.Store(true)
	for _, c := range []struct {
		v              any // a pointer to the value
		text, jsonText string
	}{
		{new(int8), "0", "0"},
		{&[]int{1, -2}, "[]int{1, -2}", "[1,-2]"},
		{&[]string{"a\"b", "c\n"}, "[]string{`a\"b`, \"c\\n\"}", `["a\"b","c\n"]`},
		{&map[bool]float64{true: 0.5, false: 1e100}, "map[bool]float64{false: 1e+100, true: 0.5}", `{"false":1e+100,"true":0.5}`},
		{&map[[2]int8]string{{1, 2}: "x"}, `map[[2]int8]string{{1, 2}: "x"}`, `[{"key":[1,2],"value":"x"}]`},
		{&[]any{1, int8(2), "s", nil, 2.5, float32(1), kind(7), leaf{Name: "l"}, &n, true, 1i},
			`[]interface {}{1, int8(2), "s", nil, 2.5, float32(1), live.kind(7), live.leaf{Name: "l", next: nil}, &int(5), true, (0+1i)}`,
			`[1,{"type":"int8","value":2},"s",null,2.5,{"type":"float32","value":1},{"type":"live.kind","value":7},{"type":"live.leaf","value":{"Name":"l","next":null}},{"type":"*int","value":5},true,{"type":"complex128","value":"(0+1i)"}]`},
		{&struct{ c, d chan string }{c, nil}, "struct { c chan string; d chan string }{c: make(chan string, 3) /* len 1, cap 3 */, d: nil}", `{"c":{"len":1,"cap":3,"closed":false,"receivers":0,"senders":0},"d":null}`},
		{&box[[]byte]{[]byte("text")}, `live.box[[]uint8]{v: []byte("text")}`, `{"v":"dGV4dA=="}`},
		{&once, `&live.leaf{Name: "p", next: nil}`, `{"Name":"p","next":null}`},
		{&b, "true", "true"},
		{&[0]int{}, "[0]int{}", "[]"},
		{&struct{}{}, "struct {}{}", "{}"},
		{&[]struct{}{{}, {}}, "[]struct {}{{}, {}}", "[{},{}]"},
		{new(uintptr), "0x0", `"0x0"`},
		{new(unsafe.Pointer), "nil", "null"},
		{new(func()), "nil", "null"},
		{&struct{ a, b string }{"", "\x00\xff"}, `struct { a string; b string }{a: "", b: "\x00\xff"}`, `{"a":"","b":"\u0000\ufffd"}`},
		{&struct{ f any }{TestDecode}, "struct { f interface {} }{f: " + "github.com/ispyd/ispyd/internal/live.TestDecode}", `{"f":{"type":"func(*testing.T)","value":"github.com/ispyd/ispyd/internal/live.TestDecode"}}`},
		{&[]time.Duration{time.Minute}, "[]time.Duration{1m0s}", `["1m0s"]`},
	} {
		p := place(d, c.v)
		v, err := d.DecodePlace(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if got := oneLine.Replace(string(v.AppendGo(nil))); got != c.text {
			t.Errorf("%T reads as\n%s, want\n%s", c.v, got, c.text)
		}
		if got := string(v.AppendJSON(nil)); got != c.jsonText || !json.Valid([]byte(got)) {
			t.Errorf("%T is in JSON\n%s, want\n%s", c.v, got, c.jsonText)
		}
		runtime.KeepAlive(c.v)
	}
}

func TestLimits(t *testing.T) {
	d := decoder(t)
	d.Limits = Limits{Depth: 3, Items: 4, String: 8, Values: 50}
	long := make([]int, 1000)
	text := strings.Repeat("x", 1<<20)
	many := map[int]int{}
	for i := range 1000 {
		many[i] = i
	}
	var deep *leaf
	for range 10000 {
		deep = &leaf{next: deep}
	}
	ring := &leaf{Name: "r"}
	ring.next = ring
	var self any
	self = &self
	wide := make([][]int, 4)
	for i := range wide {
		wide[i] = []int{1, 2, 3, 4}
	}
	table := make([][][]int, 4)
	for i := range table {
		table[i] = wide
	}
	large := new([1 << 20]int)
	for _, c := range []struct {
		v    any
		want []string
	}{
		{&long, []string{"[]int{0, 0, 0, 0 /* 4 of 1000 */}"}},
		{&text, []string{`"xxxxxxxx" /* 8 of 1048576 bytes */`}},
		{&many, []string{"/* 4 of 1000 */"}},
		{&deep, []string{"/* deeper than 3 */"}},
		{&ring, []string{"/* cycle */"}},
		{&self, []string{"/* cycle */"}},
		{&table, []string{"/* 3 of 4 */"}},
		{large, []string{"/* 4 of 1048576 */"}},
	} {
		v, err := d.DecodePlace(t.Context(), place(d, c.v))
		if err != nil {
			t.Fatal(err)
		}
		got := string(v.AppendGo(nil))
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%T reads as %s, without %s", c.v, got, w)
			}
		}
		if b := v.AppendJSON(nil); !json.Valid(b) || len(b) > 4096 || len(got) > 4096 {
			t.Errorf("%T: %d bytes of text, JSON %s", c.v, len(got), b)
		}
		runtime.KeepAlive(c.v)
	}
}

// TestTorn decodes words that no Go program stores, as a race may show them.
func TestTorn(t *testing.T) {
	d := decoder(t)
	type words [6]uintptr
	for _, typ := range []reflect.Type{
		reflect.TypeFor[string](), reflect.TypeFor[[]int](), reflect.TypeFor[[][1 << 20]int](), reflect.TypeFor[any](), reflect.TypeFor[error](), reflect.TypeFor[map[string]int](),
		reflect.TypeFor[chan int](), reflect.TypeFor[func()](), reflect.TypeFor[*tree](), reflect.TypeFor[time.Time](), reflect.TypeFor[sync.RWMutex](), reflect.TypeFor[bool](),
	} {
		for _, w := range []words{
			{1, 1, 1}, {^uintptr(0), ^uintptr(0), ^uintptr(0)}, {1 << 47, 1 << 46, 1 << 46}, {0, 5, 5}, {8, 1 << 62, 1 << 62}, {4096, 0, 0}, {0xc000000000, 100, 50},
			{uintptr(unsafe.Pointer(new(words))), 1, 1}, {uintptr(unsafe.Pointer(&words{1, 2, 3, 4, 5, 6})), 1 << 20, 1 << 20},
			{wordOf(reflect.TypeFor[tree]()), 8, 8}, {wordOf(reflect.TypeFor[map[string]int]()), wordOf(reflect.TypeFor[tree]()), 1},
		} {
			v, err := d.Decode(t.Context(), "", d.Index.TypeOf(typ), uintptr(unsafe.Pointer(&w)))
			if err != nil {
				t.Fatal(err)
			}
			if b := v.AppendJSON(nil); len(v.AppendGo(nil)) == 0 || !json.Valid(b) {
				t.Errorf("%s of %x: %s", typ, w, b)
			}
			SizeOf(t.Context(), d.Index, d.Index.TypeOf(typ), uintptr(unsafe.Pointer(&w)), 100)
			runtime.KeepAlive(&w)
		}
	}
}

func sample() *tree {
	return &tree{
		Base: Base{7}, leaf: &leaf{Name: "top"}, kids: map[string]*leaf{"a": {Name: "A"}, "b.c/d": {Name: "B"}}, list: []leaf{{Name: "first"}},
		any: &leaf{Name: "held"}, err: fs.ErrNotExist, kind: 3, secretToken: "s3cret", plain: "postgres://u:pw@h/d",
	}
}

func TestWalk(t *testing.T) {
	d := decoder(t)
	s := sample()
	for _, c := range []struct{ path, want string }{
		{"", "&live.tree{"},
		{".ID", "7"},
		{".Base.ID", "7"},
		{".Name", `"top"`},
		{".leaf.Name", `"top"`},
		{`.kids["a"].Name`, `"A"`},
		{".kids[`b.c/d`].Name", `"B"`},
		{".list[0]", "live.leaf{"},
		{".list[0x0].Name[1]", "105"},
		{".any.Name", `"held"`},
		{".err.s", `"file does not exist"`},
		{".secretToken", "[redacted]"},
		{".plain", `"postgres://u:[redacted]@h/d"`},
		{".nothing", "no such field"},
		{".plai", "near: plain"},
		{".list[1]", "the length is 1"},
		{".list.x", "has no fields"},
		{".kind[0]", "has no indices"},
		{".leaf.next.Name", "nil"},
		{`.kids["z"]`, "no such key"},
		{".a..b", "missing after the dot"},
		{".list[", "not closed"},
		{strings.Repeat("[0]", 101), "more than 100"},
	} {
		steps, err := ParsePath(c.path)
		var p Place
		if err == nil {
			p, err = d.Walk(t.Context(), "s", place(d, &s), steps)
		}
		got := ""
		if err == nil {
			var v *Value
			if v, err = d.DecodePlace(t.Context(), p); err == nil {
				got = string(v.AppendGo(nil))
			}
		}
		if err != nil {
			got = err.Error()
			if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%s: the error wraps no sentinel: %v", c.path, err)
			}
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
	runtime.KeepAlive(s)
}

func TestWalkEnds(t *testing.T) {
	d := decoder(t)
	many := map[int]int{}
	for i := range 100000 {
		many[i] = i
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Walk(ctx, "m", place(d, &many), []Step{{Index: "-1"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if _, err := d.DecodePlace(ctx, place(d, &many)); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	runtime.KeepAlive(&many)
}

func TestSize(t *testing.T) {
	d := decoder(t)
	list := make([]*leaf, 1000)
	for i := range list {
		list[i] = &leaf{Name: fmt.Sprintf("%04d", i)}
	}
	same := make([]*leaf, 1000)
	for i := range same {
		same[i] = list[0]
	}
	flat := make([]byte, 1<<20, 2<<20)
	// Pieces of one array, from the end and from the beginning: a list of pieces
	// must not be the larger for having many.
	pieces := make([][]byte, 0, 2000)
	heads := make([][]*leaf, 0, 2000)
	for i := range 1000 {
		pieces = append(pieces, flat[i*1000:], flat[:i*1000])
		heads = append(heads, list[i:], list[:i])
	}
	nested := &struct {
		first leaf
		rest  [10]int
	}{first: leaf{Name: "1234567"}}
	inner := []any{&nested.first, &nested.rest[3], nested, &nested.first}
	// Names of four bytes share words.
	const leaves, names = 8000 + 24*1000, 8 * 1000
	numbers := map[int]int{}
	for i := range 100_000 {
		numbers[i] = i
	}
	wideMap := map[int]wideKey{1: {}}
	shared := map[int]*leaf{1: list[0], 2: list[0]}
	var torn []byte
	*(*[3]uintptr)(unsafe.Pointer(&torn)) = [3]uintptr{uintptr(unsafe.Pointer(&flat[0])), 10, 1 << 44}
	for _, c := range []struct {
		v        any
		min, max int64
	}{
		{&list, 24 + leaves + names/2, 24 + leaves + names},
		{&same, 24 + 8000 + 24 + 8, 24 + 8000 + 24 + 8},
		{&flat, 24 + 2<<20, 24 + 2<<20},
		{&pieces, 24 + 2000*24 + 2<<20, 24 + 2000*24 + 2<<20},
		{&heads, 24 + 2000*24 + leaves + names/2, 24 + 2000*24 + leaves + names},
		{&inner, 24 + 4*16 + 104 + 8, 24 + 4*16 + 104 + 16},
		{&shared, 48, 1000},
		{&wideMap, 48 + 17*8, 1000},
		// 16 bytes and a control byte for each slot, of which 7 of 16 to 7 of 8 are used.
		{&numbers, 100_000 * 17 * 8 / 7, 100_000 * 17 * 16 / 7 * 11 / 10},
		{&torn, 24, 24},
	} {
		p := place(d, c.v)
		s, err := SizeOf(t.Context(), d.Index, p.Type, p.Addr, 1<<20)
		if err != nil || s.Cut || s.Bytes < c.min || s.Bytes > c.max {
			t.Errorf("%T: %+v %v, want %d to %d bytes", c.v, s, err, c.min, c.max)
		}
		runtime.KeepAlive(c.v)
	}
	*(*[3]uintptr)(unsafe.Pointer(&torn)) = [3]uintptr{}
	p := place(d, &list)
	if s, err := SizeOf(t.Context(), d.Index, p.Type, p.Addr, 10); err != nil || !s.Cut {
		t.Errorf("a bounded walk: %+v %v", s, err)
	}
	runtime.KeepAlive(&list)
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"", ".a.b[3]", `["x]"].y`, "[{1, 2}]", "..", "[", "[']']"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		steps, err := ParsePath(s)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, x := range steps {
			b.WriteString(x.String())
		}
		again, err := ParsePath(b.String())
		if err != nil || !reflect.DeepEqual(steps, again) {
			t.Errorf("%q is %q, which is %v %v", s, b.String(), again, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	d := decoder(b)
	n, s := 5, sample()
	for _, c := range []struct {
		name string
		v    any
	}{{"int", &n}, {"tree", &s}} {
		b.Run(c.name, func(b *testing.B) {
			p := place(d, c.v)
			buf := []byte(nil)
			b.ReportAllocs()
			for b.Loop() {
				v, err := d.DecodePlace(b.Context(), p)
				if err != nil {
					b.Fatal(err)
				}
				buf = v.AppendGo(buf[:0])
			}
		})
	}
}

// TestHide: a name hides texts, and numbers that may be parts of a key, not those
// that stand alone.
func TestHide(t *testing.T) {
	d := decoder(t)
	type secrets struct {
		key     int
		keyID   *uint64
		token   bool
		keyMu   sync.Mutex
		apiKey  string
		secret  []uint64
		private [2]uint64
		passKey any
		keys    map[int]int
		keyed   atomic.Int64
		keyTime time.Time
		pass    any
		passwd  *string
		none    int
	}
	text, id := "text", uint64(9)
	s := &secrets{key: 7, keyID: &id, token: true, apiKey: "a", secret: []uint64{123}, private: [2]uint64{124, 125}, passKey: 8, keys: map[int]int{126: 127}, pass: "hidden", passwd: &text}
	s.keyMu.Lock()
	defer s.keyMu.Unlock()
	s.keyed.Store(3)
	s.keyTime = s.keyTime.UTC()
	v, err := d.DecodePlace(t.Context(), place(d, s))
	if err != nil {
		t.Fatal(err)
	}
	const want = `live.secrets{key: 7, keyID: &uint64(9), token: true, keyMu: sync.Mutex{ /* locked */ }, apiKey: [redacted], secret: [redacted], private: [redacted], ` +
		`passKey: 8, keys: [redacted], keyed: 3, keyTime: 0001-01-01T00:00:00Z, pass: [redacted], passwd: [redacted], none: 0}`
	if got := oneLine.Replace(string(v.AppendGo(nil))); got != want {
		t.Errorf("it reads as\n%s, want\n%s", got, want)
	}
	part := place(d, &s.secret[0])
	part.Secret = true
	for range 2 { // the next one is judged by its own name again
		v, err = d.DecodePlace(t.Context(), part)
		if err != nil || string(v.AppendGo(nil)) != "[redacted]" {
			t.Errorf("a part of a secret reads as %s, %v", v.AppendGo(nil), err)
		}
		if v, err = d.DecodePlace(t.Context(), place(d, &s.none)); err != nil || string(v.AppendGo(nil)) != "0" {
			t.Errorf("then another reads as %s, %v", v.AppendGo(nil), err)
		}
	}
	runtime.KeepAlive(s)
}
