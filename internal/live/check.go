package live

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/nodes"
)

// Check compares the layouts that this package knows with values of known content,
// once. Its error, which wraps nodes.ErrNotSupported, says which one is another:
// then nothing is decoded.
var Check = sync.OnceValue(func() error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nodes.Errorf(nodes.ErrNotSupported, "memory is decoded on linux/amd64 only, this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	x, err := symbols.Types()
	if err != nil {
		return err
	}
	defer x.Close()
	for _, c := range []struct {
		what string
		try  func(*Decoder) error
	}{
		{"process_vm_readv", tryRead}, {"interfaces", tryInterfaces}, {"maps", tryMaps}, {"the heads of maps", tryHeads},
		{"channels", tryChannels}, {"locks", tryLocks}, {"times", tryTimes},
	} {
		if err := attempt(x, c.try); err != nil {
			return nodes.Errorf(nodes.ErrNotSupported, "memory of this program (%s) cannot be decoded: %s: %v", runtime.Version(), c.what, err)
		}
	}
	for name, try := range map[string]func(*Decoder) error{syncMap: trySyncMaps, "sync.WaitGroup": tryWaitGroup, "net/netip.Addr": tryAddr} {
		if attempt(x, try) != nil {
			plainly[name] = true
		}
	}
	return nil
})

// plainly has the types that this runtime lays out in another way than the known
// one, and that can be shown as any struct. Check alone writes it.
var plainly = map[string]bool{}

func attempt(x *symbols.Index, try func(*Decoder) error) error {
	d := &Decoder{Index: x, Limits: Limits{Items: 1 << 20, Values: 1 << 20}, ShowAll: true}
	d.limits = d.Limits.orDefault()
	d.left, d.path, d.ctx = 1<<20, map[target]bool{}, context.Background()
	return nodes.Protect(func() error { return try(d) })
}

// show decodes a value that this package made.
func show[T any](d *Decoder, p *T) *Value {
	t := d.Index.TypeOf(reflect.TypeFor[T]())
	v := d.at("", t, uintptr(unsafe.Pointer(p)), 0)
	runtime.KeepAlive(p)
	return v
}

func expect(v *Value, want string) error {
	if got := string(v.AppendGo(nil)); got != want {
		return fmt.Errorf("%s reads as %.100s", want, got)
	}
	return nil
}

func tryRead(*Decoder) error {
	x, got := uint64(0x1234567890abcdef), make([]byte, 8)
	err := Read(uintptr(unsafe.Pointer(&x)), got)
	if err != nil {
		return fmt.Errorf("%w (is it forbidden by seccomp?)", err)
	}
	if wide(got) != x {
		return fmt.Errorf("read %#x for %#x", wide(got), x)
	}
	if Read(maxAddress/2+4097, got) == nil {
		return fmt.Errorf("an address without memory can be read")
	}
	return nil
}

// boxed is a struct that an interface holds in its data word.
type boxed struct{ p *int }

func tryInterfaces(d *Decoder) error {
	n := 7
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "nil"}, {&n, "&int(7)"}, {n, "7"}, {boxed{&n}, "live.boxed{p: &int(7)}"}, {"text", `"text"`}, {[2]bool{true}, "[2]bool{true, false}"},
	} {
		if err := expect(show(d, &c.v), c.want); err != nil {
			return err
		}
	}
	var err error = &nodes.Error{Text: "x"}
	return expect(show(d, &err), `&nodes.Error{Text: "x", Err: nil}`)
}

// wideKey is larger than what a map holds in its slots.
type wideKey [17]int64

func tryMaps(d *Decoder) error {
	for _, n := range []int{0, 1, 8, 9, 3000} {
		small, large := map[int]string{}, map[wideKey]struct{}{}
		for i := range n + n/2 {
			small[i], large[wideKey{int64(i)}] = strconv.Itoa(i), struct{}{}
		}
		for i := range n / 2 {
			delete(small, i)
			delete(large, wideKey{int64(i)})
		}
		v, w := show(d, &small), show(d, &large)
		if len(v.Members) != n || len(w.Members) != n || v.Note+w.Note != "" {
			return fmt.Errorf("of %d entries %d and %d are found (%s %s)", n, len(v.Members), len(w.Members), v.Note, w.Note)
		}
		for i, m := range v.Members {
			if want := strconv.Itoa(i + n/2); m.Key.Text != want || m.Value.Text != want {
				return fmt.Errorf("entry %s reads as %s: %s", want, m.Key.Text, m.Value.Text)
			}
		}
	}
	return nil
}

// tryHeads compares offsets with the types that the runtime itself has of maps:
// package reflect iterates with them. Whether a map is being written is nothing that
// a map of known content would tell.
func tryHeads(*Decoder) error {
	field := func(t reflect.Type, name string) (reflect.StructField, error) {
		for i := range t.NumField() {
			if f := t.Field(i); f.Name == name {
				return f, nil
			}
		}
		return reflect.StructField{}, fmt.Errorf("a %s has no %s", t, name)
	}
	iter, err := field(reflect.TypeFor[reflect.MapIter](), "hiter")
	for _, c := range []struct {
		in, name string
		off      uintptr
	}{
		{"m", "used", mapUsed}, {"m", "dirPtr", mapDir}, {"m", "dirLen", mapDirLen}, {"m", "writing", mapWriting}, {"m", "clearSeq", mapClears},
		{"tab", "index", tableIndex}, {"tab", "groups", tableGroups},
	} {
		var in, f reflect.StructField
		if err == nil {
			in, err = field(iter.Type, c.in)
		}
		if err == nil {
			f, err = field(in.Type.Elem(), c.name)
		}
		if err != nil {
			return err
		}
		if f.Offset != c.off {
			return fmt.Errorf("%s is at %d, not at %d", c.name, f.Offset, c.off)
		}
	}
	return nil
}

func tryChannels(d *Decoder) error {
	c := make(chan int, 3)
	c <- 1
	c <- 2
	<-c
	b := make([]byte, chanBytes)
	if err := Read(*(*uintptr)(unsafe.Pointer(&c)), b); err != nil {
		return err
	}
	if wide(b[chanSendX:]) != 2 || wide(b[chanRecvX:]) != 1 {
		return fmt.Errorf("positions 2 and 1 read as %d and %d", wide(b[chanSendX:]), wide(b[chanRecvX:]))
	}
	if err := expect(show(d, &c), "make(chan int, 3) /* len 1, cap 3 */"); err != nil {
		return err
	}
	close(c)
	return expect(show(d, &c), "make(chan int, 3) /* len 1, cap 3, closed */")
}

func tryLocks(d *Decoder) error {
	var mu sync.Mutex
	var rw sync.RWMutex
	if err := expect(show(d, &mu), "sync.Mutex{ /* unlocked */ }"); err != nil {
		return err
	}
	mu.Lock()
	err := expect(show(d, &mu), "sync.Mutex{ /* locked */ }")
	mu.Unlock()
	if err != nil {
		return err
	}
	rw.RLock()
	err = expect(show(d, &rw), "sync.RWMutex{ /* locked by 1 reader */ }")
	rw.RUnlock()
	if err != nil {
		return err
	}
	rw.Lock()
	defer rw.Unlock()
	return expect(show(d, &rw), "sync.RWMutex{ /* locked */ }")
}

func tryWaitGroup(d *Decoder) error {
	var wg sync.WaitGroup
	wg.Add(2)
	err := expect(show(d, &wg), "sync.WaitGroup{ /* counter 2 */ }")
	wg.Add(-2)
	return err
}

// trySyncMaps also has more entries than one node has children.
func trySyncMaps(d *Decoder) error {
	var m sync.Map
	if _, _, _, ok := trie(d.Index.TypeOf(reflect.TypeFor[sync.Map]())); !ok {
		return nil // shown as any other struct
	}
	const n = 100
	for i := range n {
		m.Store(i, strconv.Itoa(i))
	}
	v := show(d, &m)
	for i, e := range v.Members {
		if want := strconv.Itoa(i); string(e.Key.AppendGo(nil)) != want || string(e.Value.AppendGo(nil)) != strconv.Quote(want) {
			return fmt.Errorf("entry %d reads as %s: %s", i, e.Key.AppendGo(nil), e.Value.AppendGo(nil))
		}
	}
	if len(v.Members) != n {
		return fmt.Errorf("of %d entries %d are found", n, len(v.Members))
	}
	return nil
}

func tryTimes(d *Decoder) error {
	for _, t := range []time.Time{{}, time.Now(), time.Now().UTC(), time.Unix(1e9, 5)} {
		if err := expect(show(d, &t), t.Format(time.RFC3339Nano)); err != nil {
			return err
		}
	}
	dur := 90 * time.Second
	return expect(show(d, &dur), "1m30s")
}

func tryAddr(d *Decoder) error {
	for _, s := range []string{"10.1.2.3", "fe80::1%eth0", "::ffff:10.1.2.3"} {
		a := netip.MustParseAddr(s)
		if err := expect(show(d, &a), s); err != nil {
			return err
		}
	}
	return nil
}
