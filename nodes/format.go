package nodes

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// AppendText appends the text form of v, as files show it, and returns the
// extended slice. It ends with a newline.
//
//   - a string, number, bool, time.Duration, time.Time or encoding.TextMarshaler
//     is one line (a string of several lines is shown as it is)
//   - a slice of those is one a line
//   - a struct is one field a line, name, tab, value; names are those of JSON, a
//     field that JSON omits when empty is left out when it is empty
//   - a slice of structs is a table: a header line, then one line each, columns
//     separated by tabs
//   - a map is key, tab, value, sorted by key
//
// Inside a cell, tabs, line breaks and other control characters are escaped as
// in a Go string, a slice of scalars is separated by blanks, and anything
// deeper is compact JSON.
func AppendText(b []byte, v any) []byte {
	return appendText(b, reflect.ValueOf(v))
}

func appendText(b []byte, v reflect.Value) []byte {
	v = indirect(v)
	if !v.IsValid() {
		return append(b, '\n')
	}
	if s, ok := scalar(v); ok {
		b = append(b, s...)
		if len(s) == 0 || s[len(s)-1] != '\n' {
			b = append(b, '\n')
		}
		return b
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			x := f.of(v)
			if f.omitEmpty && (!x.IsValid() || x.IsZero()) {
				continue
			}
			b = append(append(b, f.name...), '\t')
			b = append(appendCell(b, x), '\n')
		}
		return b
	case reflect.Map:
		return appendMap(b, v)
	case reflect.Slice, reflect.Array:
		return appendSlice(b, v)
	}
	return append(appendCell(b, v), '\n')
}

func appendSlice(b []byte, v reflect.Value) []byte {
	elem := v.Type().Elem()
	for elem.Kind() == reflect.Pointer {
		elem = elem.Elem()
	}
	if elem.Kind() != reflect.Struct || isScalarType(elem) {
		for i := range v.Len() {
			b = append(appendCell(b, v.Index(i)), '\n')
		}
		return b
	}
	fields := fieldsOf(elem)
	for i, f := range fields {
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(b, f.name...)
	}
	b = append(b, '\n')
	for i := range v.Len() {
		row := indirect(v.Index(i))
		for j, f := range fields {
			if j > 0 {
				b = append(b, '\t')
			}
			if row.IsValid() {
				b = appendCell(b, f.of(row))
			}
		}
		b = append(b, '\n')
	}
	return b
}

func appendMap(b []byte, v reflect.Value) []byte {
	lines := make([]string, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key := string(appendCell(nil, it.Key()))
		lines = append(lines, string(appendCell([]byte(key+"\t"), it.Value())))
	}
	slices.Sort(lines)
	for _, l := range lines {
		b = append(append(b, l...), '\n')
	}
	return b
}

func appendCell(b []byte, v reflect.Value) []byte {
	v = indirect(v)
	if !v.IsValid() {
		return append(b, '-')
	}
	if s, ok := scalar(v); ok {
		return AppendEscaped(b, s)
	}
	if k := v.Kind(); k == reflect.Slice || k == reflect.Array {
		if isScalarType(v.Type().Elem()) {
			for i := range v.Len() {
				if i > 0 {
					b = append(b, ' ')
				}
				b = appendCell(b, v.Index(i))
			}
			return b
		}
	}
	j, err := json.Marshal(v.Interface())
	if err != nil {
		return AppendEscaped(b, fmt.Sprint(v.Interface()))
	}
	return append(b, j...)
}

// AppendEscaped appends s with tabs, line breaks, other control characters and
// bytes that are not UTF-8 escaped as in a Go string, so that it stays one cell
// of one line. Quotes and backslashes stay as they are.
func AppendEscaped(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r < ' ' || r == 0x7f || r == utf8.RuneError && n == 1:
			b = append(b, '\\', 'x', "0123456789abcdef"[s[i]>>4], "0123456789abcdef"[s[i]&15])
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return b
}

func indirect(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return reflect.Value{}
		}
		if v.Kind() == reflect.Pointer && isScalarType(v.Type()) {
			return v
		}
		v = v.Elem()
	}
	return v
}

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

func isScalarType(t reflect.Type) bool {
	if t.Implements(textMarshaler) {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return false
}

// scalar returns the text of a value that fits one cell.
func scalar(v reflect.Value) (string, bool) {
	t := v.Type()
	if !isScalarType(t) {
		return "", false
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return x.String(), true
	case time.Time:
		if x.IsZero() {
			return "-", true
		}
		return x.Format(time.RFC3339Nano), true
	case encoding.TextMarshaler:
		s, err := x.MarshalText()
		if err != nil {
			return "error: " + err.Error(), true
		}
		return string(s), true
	}
	switch v.Kind() {
	case reflect.Float32:
		return strconv.FormatFloat(v.Float(), 'g', -1, 32), true
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true
	}
	return fmt.Sprint(v.Interface()), true
}

// field is one column.
type field struct {
	name      string
	index     []int
	omitEmpty bool
}

// of returns the field of v, invalid where an embedded pointer is nil.
func (f field) of(v reflect.Value) reflect.Value {
	x, err := v.FieldByIndexErr(f.index)
	if err != nil {
		return reflect.Value{}
	}
	return x
}

// fieldsOf lists the fields that encoding/json shows, under the same names.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, sf := range reflect.VisibleFields(t) {
		tag, rest, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if !sf.IsExported() || tag == "-" && rest == "" || sf.Anonymous && tag == "" {
			continue
		}
		if tag == "" {
			tag = sf.Name
		}
		omit := strings.Contains(rest, "omitempty") || strings.Contains(rest, "omitzero")
		fields = append(fields, field{tag, sf.Index, omit})
	}
	return fields
}
