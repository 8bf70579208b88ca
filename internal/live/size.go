package live

import (
	"context"
	"reflect"

	"github.com/ispyd/ispyd/internal/symbols"
)

// Size is what a value keeps in memory.
type Size struct {
	// Bytes are those of the value and of all that can be reached from it, in
	// whole words, each word once, however many slices and pointers lead there.
	// The room that slices and maps have left is in it; what closures hold is
	// not, nor what lies before an inner pointer in its object.
	Bytes int64
	// Objects is the number of objects, or rows of them, that were visited.
	Objects int
	// Cut is set where there were more.
	Cut bool
}

// SizeOf measures the value of type t at addr, visiting at most max objects.
func SizeOf(ctx context.Context, x *symbols.Index, t *symbols.Type, addr uintptr, max int) (Size, error) {
	if err := Check(); err != nil {
		return Size{}, err
	}
	s := &sizer{x: x, seen: map[uintptr]bool{}, flat: map[*symbols.Type]bool{}, max: max, ctx: ctx}
	s.add(t, addr, 1)
	for len(s.todo) > 0 {
		if s.full() {
			break
		}
		o := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		s.visit(o)
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
	x       *symbols.Index
	ctx     context.Context
	todo    []object
	covered coverage
	seen    map[uintptr]bool       // maps and channels
	flat    map[*symbols.Type]bool // whether values have no pointers
	max     int
}

// full reports whether the walk must end.
func (s *sizer) full() bool {
	if s.Objects+len(s.todo) >= s.max || s.ctx.Err() != nil {
		s.Cut = true
	}
	return s.Cut
}

// probed is the number of bytes above which a range must be there: one torn slice
// would be larger than all the rest.
const probed = 1 << 20

// add counts n values at addr as far as they have not been counted, and queues
// those if they have pointers.
func (s *sizer) add(t *symbols.Type, addr uintptr, n int) {
	if t == nil || addr == 0 || n <= 0 || t.Size() == 0 || uint64(n) > maxAddress/uint64(t.Size()) || s.full() {
		return
	}
	bytes := uintptr(n) * t.Size()
	if bytes > probed {
		var last [1]byte
		if Read(addr, last[:]) != nil || Read(addr+bytes-1, last[:]) != nil {
			return
		}
	}
	// What is covered has been looked at, or is going to be: as what it is, since
	// memory in Go has one type.
	if s.pointerFree(t, 64) {
		if fresh := s.covered.add(addr, bytes); fresh > 0 {
			s.Bytes += fresh
			s.Objects++
		}
		return
	}
	first := -1 // of a run of elements that are new
	for i := 0; i <= n; i++ {
		fresh := int64(0)
		if i < n {
			fresh = s.covered.add(addr+uintptr(i)*t.Size(), t.Size())
		}
		s.Bytes += fresh
		switch {
		case fresh > 0 && first < 0:
			first = i
		case fresh == 0 && first >= 0:
			s.todo = append(s.todo, object{t, addr + uintptr(first)*t.Size(), i - first})
			first = -1
		}
		if i%1024 == 1023 && s.ctx.Err() != nil {
			s.Cut = true
			return
		}
	}
}

// visit looks for pointers in the values, some at a time.
func (s *sizer) visit(o object) {
	s.Objects++
	size := int(o.t.Size())
	if size == 0 || s.pointerFree(o.t, 64) {
		return
	}
	if size > whole {
		s.parts(o)
		return
	}
	per := max(whole/size, 1)
	b := make([]byte, min(per, o.n)*size)
	for i := 0; i < o.n; i += per {
		if s.full() {
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

// parts visits values that are too large to be copied.
func (s *sizer) parts(o object) {
	for i := 0; i < o.n && !s.full(); i++ {
		addr := o.addr + uintptr(i)*o.t.Size()
		switch {
		case o.t.Kind() == reflect.Array && o.t.Elem() != nil:
			s.visit(object{o.t.Elem(), addr, o.t.Len()})
		case o.t.Kind() == reflect.Struct:
			for _, f := range o.t.Fields() {
				s.visit(object{f.Type, addr + f.Offset, 1})
			}
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
		s.add(t.Elem(), word(b), 1)
	case reflect.String:
		s.bytes(word(b), number(b[8:]))
	case reflect.Slice:
		// The collector keeps the capacity, and all that it points to.
		p, n, c := word(b), number(b[8:]), number(b[16:])
		if n >= 0 && n <= c {
			s.add(t.Elem(), p, c)
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
			s.add(q.Type, q.Addr, 1)
		}
	case reflect.Map:
		s.mapping(t, word(b))
	case reflect.Chan:
		s.channel(t, word(b))
	}
}

// bytes adds a text.
func (s *sizer) bytes(p uintptr, n int) {
	if p == 0 || n <= 0 || n > maxAddress {
		return
	}
	var last [1]byte
	if n > probed && (Read(p, last[:]) != nil || Read(p+uintptr(n)-1, last[:]) != nil) {
		return
	}
	if fresh := s.covered.add(p, uintptr(n)); fresh > 0 {
		s.Bytes += fresh
		s.Objects++
	}
}

func (s *sizer) channel(t *symbols.Type, p uintptr) {
	if p == 0 || s.seen[p] {
		return
	}
	s.seen[p] = true
	h, err := words(p, chanBytes/8)
	if err != nil {
		return
	}
	s.Objects++
	s.Bytes += s.covered.add(p, chanBytes)
	s.add(t.Elem(), word(h[chanBuffer:]), number(h[chanSize:]))
}

func (s *sizer) mapping(t *symbols.Type, p uintptr) {
	if p == 0 || s.seen[p] {
		return
	}
	s.seen[p] = true
	m, err := mapTypeOf(t)
	if err != nil {
		return
	}
	h, err := words(p, mapBytes/8)
	if err != nil {
		return
	}
	s.Objects++
	s.Bytes += s.covered.add(p, mapBytes)
	own, used := s.tables(m, word(h[mapDir:]), number(h[mapDirLen:])), number(h[mapUsed:])
	s.Bytes += own
	// Keys and elements that are too large for a slot are objects of their own.
	apart := int64(0)
	if m.indirectKey {
		apart += int64(m.key.Size())
	}
	if m.indirectElem {
		apart += int64(m.elem.Size())
	}
	if own > 0 && used > 0 && int64(used) <= own {
		s.Bytes += int64(used) * apart
	}
	if s.pointerFree(m.key, 64) && s.pointerFree(m.elem, 64) {
		return
	}
	m.walk(p, func(key, elem []byte) bool {
		s.scan(m.key, key)
		s.scan(m.elem, elem)
		return !s.full()
	})
}

// tables is the memory of a map's directory, tables and slots, used or not.
func (s *sizer) tables(m *mapType, dir uintptr, n int) (total int64) {
	if dir == 0 || n < 0 || n > maxParts {
		return 0
	}
	if n == 0 {
		return s.covered.add(dir, uintptr(m.group))
	}
	last := [1]byte{}
	if Read(dir+uintptr(8*n)-1, last[:]) != nil {
		return 0
	}
	total = s.covered.add(dir, uintptr(8*n))
	m.eachTable(dir, n, func(table, groups uintptr, size int) bool {
		total += s.covered.add(table, tableBytes) + s.covered.add(groups, uintptr(size))
		return s.ctx.Err() == nil
	})
	return total
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
