package live

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"unsafe"
)

// Values are made of the memory that is given, not of what is there by now.
func TestMemory(t *testing.T) {
	d := decoder(t)
	x := &struct {
		Name string
		Next *leaf
		Kids map[string]int
		Call func()
	}{"now", &leaf{Name: "inner"}, map[string]int{"a": 1}, func() {}}
	p := place(d, x)
	was := append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(x)), unsafe.Sizeof(*x))...)
	name := []byte("old")
	d.Memory = func(addr uintptr, b []byte) error {
		switch addr {
		case p.Addr:
			copy(b, was)
		case uintptr(unsafe.Pointer(unsafe.StringData(x.Name))):
			copy(b, name)
		default:
			return errors.New("nothing there")
		}
		return nil
	}
	v, err := d.Decode(context.Background(), "", p.Type, p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	got := string(v.AppendLine(nil, 1000))
	for _, want := range []string{`Name: "old"`, "Next: (*live.leaf)(0x", "Kids: ? /* there is no map at ", "Call: ? /* there is no function at "} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
}

// A line is one, and bounded.
func TestAppendLine(t *testing.T) {
	d := decoder(t)
	list := make([]leaf, 90)
	for i := range list {
		list[i].Name = strings.Repeat("long ", 10)
	}
	data := bytes.Repeat([]byte{1}, 4000)
	for _, p := range []Place{place(d, &list), place(d, &data)} {
		v, err := d.Decode(context.Background(), "", p.Type, p.Addr)
		if err != nil {
			t.Fatal(err)
		}
		full := string(v.AppendLine(nil, 1<<20))
		if strings.Contains(full, "\n") || len(full) < 4000 {
			t.Errorf("%d bytes: %s", len(full), full)
		}
		cut := string(v.AppendLine(nil, 200))
		if len(cut) > 400 || !strings.Contains(cut, ", ...}") {
			t.Errorf("%d bytes: %s", len(cut), cut)
		}
	}
}
