package live

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols"
)

// TestSyncMap reads a large sync.Map while it is written to.
func TestSyncMap(t *testing.T) {
	if err := Check(); err != nil {
		t.Skip(err)
	}
	x, err := symbols.Types()
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	m := new(sync.Map)
	const n = maxCount + 1000
	for i := range n {
		m.Store(i, i)
	}
	d := &Decoder{Index: x}
	typ := x.TypeOf(reflect.TypeFor[sync.Map]())
	at := uintptr(unsafe.Pointer(m))
	read := func() string {
		v, err := d.Decode(context.Background(), "", typ, at)
		if err != nil {
			t.Fatal(err)
		}
		return string(v.AppendGo(nil))
	}
	if got := read(); !strings.Contains(got, "/* 100 of 65536 or more */") {
		t.Errorf("...%s", got[max(0, len(got)-100):])
	}
	find := func(index string) (Place, error) {
		return d.Walk(context.Background(), "m", Place{Type: typ, Addr: at}, []Step{{Index: index}})
	}
	for _, index := range []string{"0", "65000", "66535"} {
		if p, err := find(index); err != nil {
			t.Error(err)
		} else if v, err := d.DecodePlace(context.Background(), p); err != nil || string(v.AppendGo(nil)) != index {
			t.Errorf("[%s] is %s, %v", index, v.AppendGo(nil), err)
		}
	}
	if _, err := find("66536"); err == nil || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("a key that is not there: %v", err)
	}
	// A copy of the map without what it points to is no empty map.
	own := unsafe.Slice((*byte)(unsafe.Pointer(m)), typ.Size())
	past := &Decoder{Index: x, Memory: func(addr uintptr, b []byte) error {
		if addr < at || addr+uintptr(len(b)) > at+typ.Size() {
			return errFault
		}
		copy(b, own[addr-at:])
		return nil
	}}
	if v, err := past.Decode(context.Background(), "", typ, at); err != nil || v.Form != Struct {
		t.Errorf("without its nodes it is %s, %v", v.AppendGo(nil), err)
	}
	var writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
				m.Delete(i % n)
				m.Store(i%n, "text")
				m.Store("k", i)
			}
		}
	})
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		if got := read(); !strings.HasPrefix(got, "sync.Map{") {
			t.Errorf("%.200s", got)
		}
	}
	close(done)
	writer.Wait()
}
