package live

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"reflect"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/nearest"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/nodes"
)

// Step is one selector or index of a path: .Name, .(Type), [Index].
type Step struct {
	// Name is the field, or a type in parentheses; "" for an index.
	Name string
	// Index is what stands in the brackets: a number, a string in quotes, true,
	// a duration or anything that a key is printed as; the address of a key that is a
	// pointer; of a list or string also two numbers with a colon between.
	Index string
}

// asserts returns the type that the step asks for, "" where it asks for none.
func (s Step) asserts() string {
	if strings.HasPrefix(s.Name, "(") {
		return s.Name[1 : len(s.Name)-1]
	}
	return ""
}

// is reports whether the type is the one that was written: with its import path, its
// package or, of package main, without.
func is(t *symbols.Type, written string) bool {
	s := t.String()
	return written == s || written == t.Name() || written == strings.ReplaceAll(s, "main.", "")
}

// wrongType is the error of an assertion.
func wrongType(t *symbols.Type, written string) error {
	return missing("the interface before it holds a %s, not a %s", t, written)
}

func (s Step) String() string {
	if s.Name != "" {
		return "." + s.Name
	}
	return "[" + s.Index + "]"
}

// maxSteps bounds a path.
const maxSteps = 100

// ParsePath parses selectors and indices as they follow a variable's name:
// .items[3].Tags, or nothing.
func ParsePath(s string) (steps []Step, err error) {
	whole := s
	bad := func(what string) error {
		return nodes.Errorf(fs.ErrInvalid, "%s: at %d: %s", whole, len(whole)-len(s)+1, what)
	}
	for s != "" {
		if len(steps) == maxSteps {
			return nil, bad("more than " + strconv.Itoa(maxSteps) + " selectors and indices")
		}
		switch s[0] {
		case '.':
			n := 1
			if strings.HasPrefix(s, ".(") {
				end, ok := bracket(s[1:])
				if !ok || end == 1 {
					return nil, bad("expected a type in parentheses")
				}
				n = end + 2
			} else {
				for n < len(s) && s[n] != '.' && s[n] != '[' {
					n++
				}
			}
			if n == 1 {
				return nil, bad("the name of a field is missing after the dot")
			}
			steps = append(steps, Step{Name: s[1:n]})
			s = s[n:]
		case '[':
			n, ok := bracket(s)
			if !ok {
				return nil, bad("the bracket is not closed (in the name of a file a / is written %2F)")
			}
			index := strings.TrimSpace(s[1:n])
			if index == "" {
				return nil, bad("an index is missing in the brackets")
			}
			steps = append(steps, Step{Index: index})
			s = s[n+1:]
		default:
			return nil, bad("expected a selector such as .Name or an index such as [3]")
		}
	}
	return steps, nil
}

// bracket returns where the bracket closes that s begins with.
func bracket(s string) (int, bool) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '[', '{', '(':
			depth++
		case ']', '}', ')':
			if depth--; depth == 0 {
				return i, true
			}
		case '"', '\'', '`':
			for i++; i < len(s) && s[i] != c; i++ {
				if s[i] == '\\' && c != '`' {
					i++
				}
			}
		}
	}
	return 0, false
}

// Place is a value that a path leads to.
type Place struct {
	Type *symbols.Type
	// Addr is where it is, unless Bytes is there: the copy of what a map or an
	// interface holds, which has no place of its own.
	Addr  uintptr
	Bytes []byte
	// Name is what the value is called last: a field, or the key of a map.
	Name string
	// Secret hides the value, number or not: a part of a secret is one. Walk sets it
	// where an embedded field that the path does not name is one.
	Secret bool
}

// DecodePlace returns the value at a place.
func (d *Decoder) DecodePlace(ctx context.Context, p Place) (*Value, error) {
	d.secret = p.Secret
	defer func() { d.secret = false }()
	if p.Bytes != nil {
		return d.DecodeBytes(ctx, p.Name, p.Type, p.Bytes)
	}
	return d.Decode(ctx, p.Name, p.Type, p.Addr)
}

// Walk follows steps from a place. Pointers and interfaces on the way are followed
// as Go does for a selector, interfaces beyond that. An error wraps fs.ErrNotExist
// or fs.ErrInvalid and says how far the path leads.
func (d *Decoder) Walk(ctx context.Context, from string, p Place, steps []Step) (Place, error) {
	if err := Check(); err != nil {
		return p, err
	}
	at := from
	secret := p.Secret
	for _, s := range steps {
		q, err := d.step(ctx, p, s)
		if err != nil {
			return p, atStep(at, s, err)
		}
		secret = secret || q.Secret
		p = q
		at += s.String()
	}
	p.Secret = secret
	return p, nil
}

func atStep(at string, s Step, err error) error {
	if e, ok := err.(*nodes.Error); ok {
		return nodes.Errorf(e.Err, "%s%s: %s", at, s, e.Text)
	}
	return fmt.Errorf("%s%s: %w", at, s, err)
}

//go:noinline
func missing(format string, args ...any) error {
	return nodes.Errorf(fs.ErrNotExist, format, args...)
}

func (d *Decoder) step(ctx context.Context, p Place, s Step) (Place, error) {
	if want := s.asserts(); want != "" {
		if q, ok := inAtomic(p); ok {
			p = q
		}
		if p.Type.Kind() != reflect.Interface {
			return p, missing("a %s is no interface", p.Type)
		}
		q, err := d.held(p)
		if err == nil && !is(q.Type, want) {
			err = wrongType(q.Type, want)
		}
		return q, err
	}
	p, err := d.through(p, s)
	if err != nil {
		return p, err
	}
	if s.Name != "" {
		return d.field(p, s.Name)
	}
	switch p.Type.Kind() {
	case reflect.Map:
		return d.entry(ctx, p, s.Index)
	case reflect.Array, reflect.Slice, reflect.String:
		if low, high, ok := strings.Cut(s.Index, ":"); ok {
			return d.between(p, low, high)
		}
		return d.element(p, s.Index)
	}
	if p.Type.Name() == syncMap && !plainly[syncMap] {
		return d.syncEntry(ctx, p, s.Index)
	}
	return p, missing("a %s has no indices", p.Type)
}

// through follows pointers and interfaces until there is something to select of.
func (d *Decoder) through(p Place, s Step) (Place, error) {
	for range maxSteps {
		if q, ok := inAtomic(p); ok {
			p = q
		}
		switch p.Type.Kind() {
		case reflect.Pointer:
			w, err := p.read(0, 1)
			if err != nil {
				return p, err
			}
			if word(w) == 0 {
				return p, missing("the pointer before it is nil")
			}
			if p.Type.Elem() == nil {
				return p, missing("what %s points to is not known", p.Type)
			}
			p = Place{Type: p.Type.Elem(), Addr: word(w), Name: p.Name}
		case reflect.Interface:
			q, err := d.held(p)
			if err != nil {
				return p, err
			}
			p = q
		default:
			return p, nil
		}
	}
	return p, missing("more than %d pointers in a row", maxSteps)
}

// inAtomic is the pointer or interface that an atomic one holds.
func inAtomic(p Place) (Place, bool) {
	if t := atomicElem(p.Type); t != nil {
		p.Type = t // at the same address
		return p, true
	}
	if f := Atomic(p.Type); f != nil && f.Type.Kind() == reflect.Interface {
		q, err := p.part(f.Type, f.Offset, p.Name)
		return q, err == nil
	}
	return p, false
}

// read copies n words of a place, the first of them at an offset.
func (p Place) read(off uintptr, n int) ([]byte, error) {
	if p.Bytes != nil {
		if off+8*uintptr(n) > uintptr(len(p.Bytes)) {
			return nil, errFault
		}
		return p.Bytes[off : off+8*uintptr(n)], nil
	}
	return words(p.Addr+off, n)
}

// part is a piece of a place.
func (p Place) part(t *symbols.Type, off uintptr, name string) (Place, error) {
	q := Place{Type: t, Addr: p.Addr + off, Name: name}
	if p.Bytes != nil {
		if off+t.Size() > uintptr(len(p.Bytes)) {
			return q, errFault
		}
		q.Addr, q.Bytes = 0, p.Bytes[off:off+t.Size():off+t.Size()]
	}
	return q, nil
}

// held is what an interface holds.
func (d *Decoder) held(p Place) (Place, error) {
	w, err := p.read(0, 2)
	if err != nil {
		return p, err
	}
	tw := word(w)
	if tw == 0 {
		return p, missing("the interface before it is nil")
	}
	if !p.Type.EmptyInterface() {
		tab, err := words(tw, 2)
		if err != nil {
			return p, err
		}
		tw = word(tab[8:])
	}
	t, ok := d.Index.TypeAt(tw)
	if !ok {
		return p, missing("what the interface before it holds is of no type that the program was built with")
	}
	if direct(tw) {
		return Place{Type: t, Bytes: append([]byte{}, w[8:8+t.Size()]...), Name: p.Name}, nil
	}
	return Place{Type: t, Addr: word(w[8:]), Name: p.Name}, nil
}

func (d *Decoder) field(p Place, name string) (Place, error) {
	if p.Type.Kind() != reflect.Struct {
		return p, missing("a %s has no fields", p.Type)
	}
	for _, f := range p.Type.Fields() {
		if f.Name == name {
			return p.part(f.Type, f.Offset, name)
		}
	}
	// Promoted fields, those of the shallowest embedded struct first.
	level := []Place{p}
	var none string // an embedded pointer that is nil, and would have it
	for range 8 {
		var next []Place
		for _, q := range level {
			for _, f := range q.Type.Fields() {
				if !f.Embedded {
					continue
				}
				in, err := q.part(f.Type, f.Offset, f.Name)
				if err != nil {
					continue
				}
				in.Secret = q.Secret || !d.ShowAll && d.Hide.Name(f.Name)
				if t := in.Type; t.Kind() == reflect.Pointer {
					secret := in.Secret
					if in, err = d.through(in, Step{}); err != nil {
						if t.Elem() != nil && hasField(t.Elem(), name) {
							none = f.Name
						}
						continue
					}
					in.Secret = secret
				}
				if in.Type.Kind() != reflect.Struct {
					continue
				}
				for _, f := range in.Type.Fields() {
					if f.Name == name {
						part, err := in.part(f.Type, f.Offset, name)
						part.Secret = in.Secret
						return part, err
					}
				}
				next = append(next, in)
			}
		}
		level = next
	}
	if none != "" {
		return p, missing("the embedded pointer %s before it is nil", none)
	}
	var names []string
	for _, f := range p.Type.Fields() {
		names = append(names, f.Name)
	}
	hint := nearest.Hint(name, names)
	if hint == "" && len(names) > 0 {
		hint = "; there are " + strings.Join(names[:min(len(names), 20)], ", ")
	}
	return p, missing("%s has no such field%s", p.Type, hint)
}

func hasField(t *symbols.Type, name string) bool {
	for _, f := range t.Fields() {
		if f.Name == name {
			return true
		}
	}
	return false
}

// row is where the n elements of an array, slice or string are.
func (d *Decoder) row(p Place) (base Place, elem *symbols.Type, n int, err error) {
	elem, n, base = p.Type.Elem(), p.Type.Len(), p
	if k := p.Type.Kind(); k == reflect.Slice || k == reflect.String {
		w, err := p.read(0, 2)
		if err != nil {
			return base, nil, 0, err
		}
		n, base = number(w[8:]), Place{Addr: word(w)}
		if k == reflect.String {
			elem = d.Index.TypeOf(reflect.TypeFor[byte]())
		}
	}
	if elem == nil {
		err = missing("the elements of %s are not known", p.Type)
	}
	return base, elem, n, err
}

func wholeNumber(s string) (int64, error) {
	i, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		return 0, nodes.Errorf(fs.ErrInvalid, "%q is no whole number", s)
	}
	return i, nil
}

func (d *Decoder) element(p Place, index string) (Place, error) {
	i, err := wholeNumber(index)
	if err != nil {
		return p, err
	}
	base, elem, n, err := d.row(p)
	if err != nil {
		return p, err
	}
	if i < 0 || i >= int64(n) {
		return p, missing("the index is out of range: the length is %d", n)
	}
	return base.part(elem, uintptr(i)*elem.Size(), p.Name)
}

// between is a part of an array, slice or string: the header of a slice or string.
func (d *Decoder) between(p Place, low, high string) (Place, error) {
	base, elem, n, err := d.row(p)
	if err != nil {
		return p, err
	}
	from, to := int64(0), int64(n)
	if low = strings.TrimSpace(low); low != "" {
		from, err = wholeNumber(low)
	}
	if high = strings.TrimSpace(high); high != "" && err == nil {
		to, err = wholeNumber(high)
	}
	if err != nil {
		return p, err
	}
	if from < 0 || from > to || to > int64(n) {
		return p, missing("the slice is out of range: the length is %d", n)
	}
	if p.Type.Kind() == reflect.Array {
		if elem.Runtime() == nil || base.Bytes != nil {
			return p, nodes.Errorf(nodes.ErrNotSupported, "this array cannot be sliced, take its elements one by one")
		}
		p.Type = d.Index.TypeOf(reflect.SliceOf(elem.Runtime()))
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(base.Addr+uintptr(from)*elem.Size()))
	b = binary.LittleEndian.AppendUint64(b, uint64(to-from))
	b = binary.LittleEndian.AppendUint64(b, uint64(to-from))
	return Place{Type: p.Type, Bytes: b[:p.Type.Size()], Name: p.Name}, nil
}
