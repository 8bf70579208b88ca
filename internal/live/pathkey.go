package live

import (
	"context"
	"io/fs"
	"reflect"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/nodes"
)

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
		return p, noKey(m.key)
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
	k := m.key.Kind()
	if _, err := strconv.Unquote(index); err != nil && k == reflect.String {
		return nil, nodes.Errorf(fs.ErrInvalid, `the keys are strings: write ["%s"]`, strings.Trim(index, "'"))
	}
	if r, ok := parseRune(index); ok && k >= reflect.Int && k <= reflect.Uintptr {
		index = strconv.Itoa(int(r))
	}
	keys := &Decoder{Index: d.Index, ShowAll: true, Memory: d.Memory, Limits: Limits{Depth: 4, Items: 64, String: 1 << 16, Values: 256}}
	want, squeezed := keyName(index), squeeze(index)
	return func(key []byte) bool { return matches(ctx, keys, m.key, key, index, want, squeezed) }, nil
}

// noKey is the error of an index that no key of a map is printed as.
func noKey(key *symbols.Type) error {
	switch key.Kind() {
	case reflect.Interface:
		return missing("the map has no such key; keys are written as they are printed, with the type unless that is plain: 3, \"text\", int64(3)")
	case reflect.Struct, reflect.Array:
		return missing("the map has no such key; keys are written as they are printed, {A: 1, B: \"x\"}, without names that are not there")
	case reflect.Pointer:
		return missing("the map has no such key; it is the address, 0xc000012345")
	}
	return missing("the map has no such key")
}

// squeeze leaves spaces out, but for those in quotes, and commas that end a line.
func squeeze(s string) string {
	b := make([]byte, 0, len(s))
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' && quote == '"' && i+1 < len(s) {
				b = append(b, c)
				i++
				c = s[i]
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '`':
			quote = c
		case c == ' ' || c == '\t' || c == '\n':
			continue
		case c == '}' && len(b) > 0 && b[len(b)-1] == ',':
			b = b[:len(b)-1]
		}
		b = append(b, c)
	}
	return string(b)
}

// matches reports whether a key is the one that was written.
func matches(ctx context.Context, d *Decoder, t *symbols.Type, key []byte, index, want, squeezed string) bool {
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
	in := v
	if v.Form == Interface {
		in = v.Members[0].Value
	}
	switch in.Form {
	case String:
		if in.Type.Name() == "string" {
			return in.Text == want && index != want
		}
	case Pointer:
		return index == address(in.Addr)
	case Number:
		if v.Form == Interface {
			break
		}
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
	text := squeeze(string(v.AppendGo(nil)))
	return text == squeezed || strings.TrimPrefix(text, squeeze(t.String())) == squeezed || strings.ReplaceAll(text, "main.", "") == squeezed
}
