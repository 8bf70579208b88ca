package live

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/ispyd/ispyd/internal/symbols"
)

// What lies in memory that is used for something else by now is not shown, behind
// whatever it is pointed to.
func TestGone(t *testing.T) {
	if err := Check(); err != nil {
		t.Skip(err)
	}
	x, err := symbols.Types()
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	type inner struct{ S string }
	type all struct {
		P *inner
		S string
		L []int64
		I any
		M map[string]int
		C chan int
		F func() int
		N int
	}
	n := 12345
	v := &all{&inner{"raw text"}, string([]byte("raw text")), []int64{987654}, 0.5, map[string]int{"raw text": 1}, make(chan int, 12345), func() int { return n }, 7}
	b := unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
	d := &Decoder{Index: x, Gone: [2]uintptr{4096, 1 << 47}}
	got, err := d.DecodeBytes(context.Background(), "", x.TypeOf(reflect.TypeFor[all]()), b)
	if err != nil {
		t.Fatal(err)
	}
	text := string(got.AppendGo(nil))
	if strings.Count(text, "was on the stack") != 7 || !strings.Contains(text, "N: 7") {
		t.Error(text)
	}
	for _, never := range []string{"raw text", "987654", "0.5", "12345", "TestGone"} {
		if strings.Contains(text, never) {
			t.Errorf("%s in %s", never, text)
		}
	}
}
