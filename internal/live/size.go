package live

import (
	"context"
	"reflect"

	"github.com/ispyd/ispyd/internal/symbols"
)

// Size is what a value keeps in memory.
type Size struct {
	// Bytes are those of the value and of all that can be reached from it, each
	// object once. What closures hold is not in it.
	Bytes int64
	// Objects is the number of objects that were visited.
	Objects int
	// Cut is set where there were more.
	Cut bool
}

// SizeOf measures the value of type t at addr, visiting at most max objects.
func SizeOf(ctx context.Context, x *symbols.Index, t *symbols.Type, addr uintptr, max int) (Size, error) {
	if err := Check(); err != nil {
		return Size{}, err
	}
	s := &sizer{x: x, seen: map[uintptr]bool{}, flat: map[*symbols.Type]bool{}, max: max}
	s.add(t, addr, 1, false)
	for len(s.todo) > 0 {
		if s.Objects >= max || ctx.Err() != nil {
			s.Cut = true
			break
		}
		o := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		s.visit(ctx, o)
	}
	return s.Size, nil
}

// object is a row of values.
type object struct {
	t    *symbols.Type
	addr uintptr
	n    int
}

type sizer struct {
	Size
	x    *symbols.Index
	todo []object
	seen map[uintptr]bool
	flat map[*symbols.Type]bool // whether values have no pointers
	max  int
}

// add counts n values at addr, once, and queues them if they have pointers. Where
// counted is set the bytes are in another object already.
func (s *sizer) add(t *symbols.Type, addr uintptr, n int, counted bool) {
	if t == nil || addr == 0 || n <= 0 || t.Size() == 0 || uint64(n) > 1<<47/uint64(t.Size()) || s.seen[addr] {
		return
	}
	if len(s.seen) >= 2*s.max {
		s.Cut = true
		return
	}
	s.seen[addr] = true
	if !counted {
		s.Bytes += int64(n) * int64(t.Size())
	}
	if s.pointerFree(t, 64) {
		s.Objects++
		return
	}
	s.todo = append(s.todo, object{t, addr, n})
}

// visit looks for pointers in the values, some at a time.
func (s *sizer) visit(ctx context.Context, o object) {
	s.Objects++
	size := int(o.t.Size())
	if size == 0 || s.pointerFree(o.t, 64) {
		return
	}
	if size > whole {
		if o.t.Kind() == reflect.Array && o.t.Elem() != nil {
			for i := 0; i < o.n; i++ {
				s.visit(ctx, object{o.t.Elem(), o.addr + uintptr(i*size), o.t.Len()})
			}
		} else if o.t.Kind() == reflect.Struct {
			for _, f := range o.t.Fields() {
				s.visit(ctx, object{f.Type, o.addr + f.Offset, 1})
			}
		}
		return
	}
	per := max(whole/size, 1)
	b := make([]byte, min(per, o.n)*size)
	for i := 0; i < o.n; i += per {
		if s.Objects >= s.max || ctx.Err() != nil {
			s.Cut = true
			return
		}
		n := min(per, o.n-i)
		if Read(o.addr+uintptr(i*size), b[:n*size]) != nil {
			return
		}
		for j := range n {
			s.scan(o.t, b[j*size:(j+1)*size])
		}
	}
}

// scan adds what a value points to.
func (s *sizer) scan(t *symbols.Type, b []byte) {
	if uintptr(len(b)) < t.Size() || s.pointerFree(t, 64) {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		s.add(t.Elem(), word(b), 1, false)
	case reflect.String:
		if p, n := word(b), number(b[8:]); n > 0 && n < 1<<47 && !s.seen[p] && len(s.seen) < 2*s.max {
			s.seen[p] = true
			s.Bytes += int64(n)
			s.Objects++
		}
	case reflect.Slice:
		p, n, c := word(b), number(b[8:]), number(b[16:])
		if e := t.Elem(); e != nil && n >= 0 && n <= c && c < 1<<47 && !s.seen[p] {
			s.add(e, p, n, false)
			s.Bytes += int64(c-n) * int64(e.Size())
		}
	case reflect.Struct:
		for _, f := range t.Fields() {
			s.scan(f.Type, b[f.Offset:])
		}
	case reflect.Array:
		for i := 0; i < t.Len() && t.Elem() != nil; i++ {
			s.scan(t.Elem(), b[i*int(t.Elem().Size()):])
		}
	case reflect.Interface:
		d := Decoder{Index: s.x}
		q, err := d.held(Place{Type: t, Bytes: b[:16:16]})
		switch {
		case err != nil:
		case q.Bytes != nil:
			s.scan(q.Type, q.Bytes)
		default:
			s.add(q.Type, q.Addr, 1, false)
		}
	case reflect.Map:
		s.mapping(t, word(b))
	case reflect.Chan:
		h, err := words(word(b), chanBytes/8)
		if n := 0; err == nil && t.Elem() != nil && !s.seen[word(b)] {
			s.seen[word(b)] = true
			n = number(h[chanSize:])
			if n >= 0 && n < 1<<40 {
				s.Bytes += chanBytes + int64(n)*int64(t.Elem().Size())
				s.Objects++
				s.add(t.Elem(), word(h[16:]), n, true)
			}
		}
	}
}

func (s *sizer) mapping(t *symbols.Type, p uintptr) {
	if p == 0 || s.seen[p] {
		return
	}
	s.seen[p] = true
	s.Objects++
	m, err := mapTypeOf(t)
	if err != nil {
		return
	}
	h, err := words(p, mapBytes/8)
	if err != nil {
		return
	}
	s.Bytes += mapBytes
	used := number(h[mapUsed:])
	slot := m.slot
	if m.indirectKey {
		slot += int(t.Key().Size())
	}
	if m.indirectElem {
		slot += int(t.Elem().Size())
	}
	if s.pointerFree(m.key, 64) && s.pointerFree(m.elem, 64) {
		if used > 0 && used < 1<<40 {
			s.Bytes += int64(used) * int64(slot)
		}
		return
	}
	m.walk(p, func(key, elem []byte) bool {
		s.Bytes += int64(slot)
		s.scan(m.key, key)
		s.scan(m.elem, elem)
		s.Cut = s.Cut || s.Objects+len(s.todo) >= s.max
		return s.Objects+len(s.todo) < s.max
	})
}

// pointerFree reports whether values of a type have no pointers in them.
func (s *sizer) pointerFree(t *symbols.Type, levels int) bool {
	if levels == 0 || t == nil {
		return false
	}
	if free, ok := s.flat[t]; ok {
		return free
	}
	free := false
	switch k := t.Kind(); k {
	case reflect.Array:
		free = t.Len() == 0 || s.pointerFree(t.Elem(), levels-1)
	case reflect.Struct:
		free = true
		for _, f := range t.Fields() {
			free = free && s.pointerFree(f.Type, levels-1)
		}
	default:
		free = k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.Invalid
	}
	s.flat[t] = free
	return free
}
