package live

import (
	"context"
	"fmt"
	"io/fs"
	"reflect"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/nearest"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/nodes"
)

// Step is one selector or index of a path: .Name, [Index].
type Step struct {
	// Name is the field; "" for an index.
	Name string
	// Index is what stands in the brackets: a number, a string in quotes, true,
	// a duration or anything that a key is printed as.
	Index string
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
			for n < len(s) && s[n] != '.' && s[n] != '[' {
				n++
			}
			if n == 1 {
				return nil, bad("the name of a field is missing after the dot")
			}
			steps = append(steps, Step{Name: s[1:n]})
			s = s[n:]
		case '[':
			n, ok := bracket(s)
			if !ok {
				return nil, bad("the bracket is not closed")
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
	// Secret hides the value, number or not: a part of a secret is one.
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
	for _, s := range steps {
		q, err := d.step(ctx, p, s)
		if err != nil {
			return p, atStep(at, s, err)
		}
		p = q
		at += s.String()
	}
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
		return d.element(p, s.Index)
	}
	return p, missing("a %s has no indices", p.Type)
}

// through follows pointers and interfaces until there is something to select of.
func (d *Decoder) through(p Place, s Step) (Place, error) {
	for range maxSteps {
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
				if in.Type.Kind() == reflect.Pointer {
					if in, err = d.through(in, Step{}); err != nil {
						continue
					}
				}
				if in.Type.Kind() != reflect.Struct {
					continue
				}
				for _, f := range in.Type.Fields() {
					if f.Name == name {
						return in.part(f.Type, f.Offset, name)
					}
				}
				next = append(next, in)
			}
		}
		level = next
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

func (d *Decoder) element(p Place, index string) (Place, error) {
	i, err := strconv.ParseInt(index, 0, 64)
	if err != nil {
		return p, nodes.Errorf(fs.ErrInvalid, "%q is no whole number", index)
	}
	elem, n := p.Type.Elem(), int64(p.Type.Len())
	base := p
	switch p.Type.Kind() {
	case reflect.Slice, reflect.String:
		w, err := p.read(0, 2)
		if err != nil {
			return p, err
		}
		n = int64(number(w[8:]))
		base = Place{Addr: word(w)}
		if p.Type.Kind() == reflect.String {
			elem = d.Index.TypeOf(reflect.TypeFor[byte]())
		}
	}
	if i < 0 || i >= n {
		return p, missing("the index is out of range: the length is %d", n)
	}
	if elem == nil {
		return p, missing("the elements of %s are not known", p.Type)
	}
	return base.part(elem, uintptr(i)*elem.Size(), p.Name)
}

// entry finds the entry of a map by what its key is printed as. A map of n entries
// costs a copy of all its memory.
func (d *Decoder) entry(ctx context.Context, p Place, index string) (Place, error) {
	w, err := p.read(0, 1)
	if err != nil {
		return p, err
	}
	if word(w) == 0 {
		return p, missing("the map is nil")
	}
	m, err := mapTypeOf(p.Type)
	if err != nil {
		return p, nodes.Errorf(nodes.ErrNotSupported, "%v", err)
	}
	match, err := d.matcher(ctx, m, index)
	if err != nil {
		return p, err
	}
	var found *Place
	n := 0
	stop := error(nil)
	_, err = m.walk(word(w), func(key, elem []byte) bool {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			stop = ctx.Err()
			return false
		}
		if !match(key) {
			return true
		}
		found = &Place{Type: m.elem, Bytes: append([]byte{}, elem...), Name: keyName(index)}
		return false
	})
	if err == nil {
		err = stop
	}
	if err != nil {
		return p, err
	}
	if found == nil {
		return p, missing("the map has no such key")
	}
	return *found, nil
}

// keyName is a key without quotes.
func keyName(index string) string {
	if s, err := strconv.Unquote(index); err == nil {
		return s
	}
	return index
}

// matcher returns what reports whether a key, as bytes, is the one that is written.
func (d *Decoder) matcher(ctx context.Context, m *mapType, index string) (func(key []byte) bool, error) {
	if _, err := strconv.Unquote(index); err != nil && m.key.Kind() == reflect.String {
		return nil, nodes.Errorf(fs.ErrInvalid, `the keys are strings: write ["%s"]`, index)
	}
	keys := &Decoder{Index: d.Index, ShowAll: true, Memory: d.Memory, Limits: Limits{Depth: 4, Items: 64, String: 1 << 16, Values: 256}}
	want := keyName(index)
	return func(key []byte) bool { return matches(ctx, keys, m.key, key, index, want) }, nil
}

// matches reports whether a key is the one that was written.
func matches(ctx context.Context, d *Decoder, t *symbols.Type, key []byte, index, want string) bool {
	if t.Kind() == reflect.String {
		n := number(key[8:])
		if n != len(want) {
			return false
		}
		b := make([]byte, n)
		return Read(word(key), b) == nil && string(b) == want
	}
	v, err := d.DecodeBytes(ctx, "", t, key)
	if err != nil {
		return false
	}
	if v.Form == Interface {
		v = v.Members[0].Value
	}
	switch v.Form {
	case String:
		return v.Text == want && index != want
	case Bool, Word, Special:
		return v.Text == index
	case Number:
		if v.Text == index {
			return true
		}
		if t.Kind() >= reflect.Int && t.Kind() <= reflect.Uintptr {
			i, err := strconv.ParseInt(index, 0, 64)
			return err == nil && v.Text == strconv.FormatInt(i, 10)
		}
		f, err := strconv.ParseFloat(index, 64)
		return err == nil && v.Text == strconv.FormatFloat(f, 'g', -1, 64)
	}
	text := string(v.AppendGo(nil))
	return text == index || strings.TrimPrefix(text, t.String()) == index
}
