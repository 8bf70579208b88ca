// Package config reads a configuration file, whose sections belong to different
// packages, and reports what is wrong in it with file, line and key.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/ispyd/ispyd/internal/nearest"
)

// maxSize is the largest configuration file in bytes that is read.
const maxSize = 1 << 20

// Error is one thing that is wrong in a configuration file.
type Error struct {
	File string
	Line int    // 0 where it is not known
	Key  string // dotted, "" where it is not one key
	Text string
	Err  error // that Text tells of, nil where nobody else's is
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Error returns "file:line: key: text".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Key != "" {
		b.WriteString(": " + e.Key)
	}
	b.WriteString(": " + e.Text)
	return b.String()
}

// File is a configuration that has been parsed. It is safe for use by several
// goroutines one after the other, not at once.
type File struct {
	name     string
	meta     toml.MetaData
	sections map[string]toml.Primitive
	data     []byte
}

// Read reads and parses the file at path.
func Read(path string) (*File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.IsDir() || st.Size() > maxSize {
		return nil, &Error{File: path, Text: fmt.Sprintf("not a configuration file: a directory, or more than %d bytes", maxSize)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse parses data; name is the file's name in errors.
func Parse(name string, data []byte) (*File, error) {
	f := &File{name: name, data: data}
	var err error
	f.meta, err = toml.Decode(string(data), &f.sections)
	if err != nil {
		return nil, f.wrap(err)
	}
	for _, key := range f.meta.Keys() {
		if len(key) == 1 && f.meta.Type(key...) != "Hash" && f.meta.Type(key...) != "ArrayHash" {
			return nil, f.Errorf(key, "stands outside a section: put it under [ispyd] or the section of its plugin")
		}
	}
	return f, nil
}

// Name returns the file's name.
func (f *File) Name() string { return f.name }

// Sections returns the names of the sections in the order of the file.
func (f *File) Sections() []string {
	var names []string
	for _, key := range f.meta.Keys() {
		if !slices.Contains(names, key[0]) {
			names = append(names, key[0])
		}
	}
	return names
}

// Has reports whether the key is there.
func (f *File) Has(key ...string) bool { return f.meta.IsDefined(key...) }

// Decode decodes a section into the struct that v points to. A key that the
// struct lacks, a value of another type, and what a [Checker] finds, is an [*Error].
// Without the section v is left as it is.
func (f *File) Decode(section string, v any) error {
	before := reflect.ValueOf(v)
	if before.Kind() == reflect.Pointer && bytes.Contains(f.data, tables) {
		before = reflect.New(before.Type().Elem())
		before.Elem().Set(reflect.ValueOf(v).Elem())
	}
	err := f.decode(section, v)
	if e, ok := err.(*Error); ok && bytes.Contains(f.data, tables) {
		return f.first(section, before, e)
	}
	return err
}

func (f *File) decode(section string, v any) error {
	p, ok := f.sections[section]
	if !ok {
		return nil
	}
	if err := f.meta.PrimitiveDecode(p, v); err != nil {
		return f.wrap(err)
	}
	if err := f.bareDuration(section, v); err != nil {
		return err
	}
	for _, key := range f.meta.Undecoded() {
		if key[0] != section || len(key) < 2 {
			continue
		}
		return f.Errorf(key, "unknown key%s", unknownHint(key, v))
	}
	if c, ok := v.(Checker); ok {
		if key, err := c.Check(); err != nil {
			return f.Errorf(append([]string{section}, key...), "%v", err)
		}
	}
	return nil
}

// Checker is implemented by structs that know what is wrong with what was decoded
// into them: key is where, below the section.
type Checker interface {
	Check() (key []string, err error)
}

// tables begins the header of a table in a list of them.
var tables = []byte("[[")

// maxTries bounds how often a file is read again.
const maxTries = 100

// first returns e with the line where it is. MetaData has one position for a key,
// that of the last of the tables in a list which have it. So the file is read
// again, up to the second of these tables, the third and so on, until it is wrong.
func (f *File) first(section string, before reflect.Value, e *Error) error {
	tries := 0
	for end := 0; tries < maxTries; {
		next := bytes.IndexByte(f.data[end:], '\n')
		if next < 0 {
			break
		}
		end += next + 1
		if !bytes.HasPrefix(bytes.TrimLeft(f.data[end:], " \t"), tables) {
			continue
		}
		tries++
		g, err := Parse(f.name, f.data[:end])
		if err != nil {
			continue // in the middle of a text
		}
		v := reflect.New(before.Type().Elem())
		v.Elem().Set(before.Elem())
		if x, ok := g.decode(section, v.Interface()).(*Error); ok && x.Key == e.Key && x.Text == e.Text {
			return x
		}
	}
	return e
}

// Section returns what a section holds, whatever it is: for those who read a
// file that is not all theirs. It is nil where there is no such section.
func (f *File) Section(name string) (map[string]any, error) {
	p, ok := f.sections[name]
	if !ok {
		return nil, nil
	}
	var values map[string]any
	if err := f.meta.PrimitiveDecode(p, &values); err != nil {
		return nil, f.wrap(err)
	}
	return values, nil
}

// unknownHint names the key that may have been meant, or all that there are.
func unknownHint(key toml.Key, v any) string {
	known := keysOf(reflect.TypeOf(v), key[1:len(key)-1])
	if len(known) == 0 {
		return ""
	}
	if hint := nearest.Hint(key[len(key)-1], known); hint != "" {
		return hint
	}
	return "; there are " + strings.Join(known, ", ")
}

// keysOf lists the keys of the struct found by following path in t.
func keysOf(t reflect.Type, path []string) []string {
	_, fields := fieldsAt(t, path)
	var keys []string
	for _, sf := range fields {
		keys = append(keys, keyOf(sf))
	}
	return keys
}

// fieldsAt follows path in t to a type and, if that is a struct, its fields.
func fieldsAt(t reflect.Type, path []string) (reflect.Type, []reflect.StructField) {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		if len(path) > 0 {
			return nil, nil
		}
		return t, nil
	}
	var fields []reflect.StructField
	for _, sf := range reflect.VisibleFields(t) {
		if !sf.IsExported() || sf.Anonymous {
			continue
		}
		if len(path) > 0 && strings.EqualFold(keyOf(sf), path[0]) {
			return fieldsAt(sf.Type, path[1:])
		}
		fields = append(fields, sf)
	}
	if len(path) > 0 {
		return nil, nil
	}
	return t, fields
}

// keyOf is the key that a field is decoded from.
func keyOf(sf reflect.StructField) string {
	if name, _, _ := strings.Cut(sf.Tag.Get("toml"), ","); name != "" {
		return name
	}
	return sf.Name
}

// bareDuration finds a duration that is a bare number, which the decoder takes for
// nanoseconds and nobody means so.
func (f *File) bareDuration(section string, v any) error {
	for _, key := range f.meta.Keys() {
		if key[0] != section || len(key) < 2 || f.meta.Type(key...) != "Integer" {
			continue
		}
		if t, _ := fieldsAt(reflect.TypeOf(v), key[1:]); t == reflect.TypeFor[time.Duration]() {
			return f.Errorf(key, `must be a duration with its unit, such as "5s" or "250ms", not a whole number`)
		}
	}
	return nil
}

// Errorf returns an [*Error] about the key.
func (f *File) Errorf(key []string, format string, args ...any) error {
	return &Error{File: f.name, Line: f.line(key), Key: strings.Join(key, "."), Text: fmt.Sprintf(format, args...)}
}

// Wrap returns an [*Error] about the key that tells of err.
func (f *File) Wrap(key []string, err error) error {
	return &Error{File: f.name, Line: f.line(key), Key: strings.Join(key, "."), Text: err.Error(), Err: err}
}

// errTrap makes the decoder tell where it is.
var errTrap = errors.New("trap")

type trap struct{}

func (trap) UnmarshalTOML(any) error { return errTrap }

// line returns the line of a key, 0 where it is not known. MetaData keeps the
// positions to itself and shows them only in errors, so decoding is made to
// fail at the key. Of the tables of a list it is the first that has the key.
func (f *File) line(key []string) int { return f.lineIn(f.sections, key) }

func (f *File) lineIn(level map[string]toml.Primitive, key []string) int {
	p, ok := level[key[0]]
	if !ok {
		return 0
	}
	if len(key) == 1 {
		var e toml.ParseError
		if errors.As(f.meta.PrimitiveDecode(p, &trap{}), &e) {
			return e.Position.Line
		}
		return 0
	}
	var inner map[string]toml.Primitive
	if f.meta.PrimitiveDecode(p, &inner) == nil && inner != nil {
		return f.lineIn(inner, key[1:])
	}
	var list []map[string]toml.Primitive
	if f.meta.PrimitiveDecode(p, &list) == nil {
		for _, table := range list {
			if n := f.lineIn(table, key[1:]); n > 0 {
				return n
			}
		}
	}
	return 0
}

// typeError is the form of toml's errors about types, which have no fields.
var typeError = regexp.MustCompile(`^toml: (?:line (\d+) )?\(last key "(.*)"\): (.*)$`)

func (f *File) wrap(err error) error {
	var p toml.ParseError
	if errors.As(err, &p) {
		return f.syntax(p)
	}
	if m := typeError.FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1])
		text := plainType(m[3])
		if header := strings.TrimSpace(f.textOf(line)); strings.HasPrefix(header, "[") && strings.HasSuffix(text, notAList) {
			text += ": write [[" + m[2] + "]], with two brackets, for each"
		}
		return &Error{File: f.name, Line: line, Key: m[2], Text: text}
	}
	return &Error{File: f.name, Text: strings.TrimPrefix(err.Error(), "toml: ")}
}

// headerEnd is how toml complains of the header of a section that is not closed. It
// finds that at the line break, and its last key is that of the section before.
const headerEnd = "to end table name"

// syntax says what is no TOML. A key as good as parsed is that of the error; one in
// a line before is not.
func (f *File) syntax(p toml.ParseError) error {
	e := &Error{File: f.name, Line: p.Position.Line, Key: p.LastKey, Text: strings.TrimPrefix(p.Message, "toml: ")}
	line := p.Position.Line
	if strings.Contains(p.Message, headerEnd) || strings.Contains(p.Message, "table array name delimiter") {
		for ; line > 0; line-- {
			header := strings.TrimSpace(f.textOf(line))
			if !strings.HasPrefix(header, "[") {
				continue
			}
			closing := "]"
			if strings.HasPrefix(header, "[[") {
				closing = "]]"
			}
			return &Error{File: f.name, Line: line, Text: fmt.Sprintf("the header of a section, %.80q, does not end with %s", header, closing)}
		}
	}
	if strings.HasPrefix(strings.TrimSpace(f.textOf(line)), "[") {
		e.Key = "" // that of the section before
	}
	return e
}

// textOf is the text of a line, from 1.
func (f *File) textOf(line int) string {
	n := 0
	for text := range strings.Lines(string(f.data)) {
		if n++; n == line {
			return text
		}
	}
	return ""
}

// notAList is what is said of one table where a list of them belongs.
const notAList = "must be a list, not a table"

var (
	incompatible = regexp.MustCompile(`^incompatible types: TOML value has type (.*); destination has type (.*)$`)
	mismatch     = regexp.MustCompile(`^type mismatch for .*: expected table but found (.*)$`)
	goNames      = map[string]string{"slice": "a list", "boolean": "true or false", "bool": "true or false",
		"string": "a string", "integer": "a whole number", "float": "a number", "table": "a table", "map": "a table",
		"array": "a list", "primitive (string-like)": "a string"}
)

// plainType says a type error of toml in the words of the file.
func plainType(s string) string {
	word := func(t string) string {
		if w, ok := goNames[strings.ToLower(t)]; ok {
			return w
		}
		if strings.HasPrefix(t, "map[") {
			return "a table"
		}
		if strings.HasPrefix(t, "[]") {
			return "a list"
		}
		if strings.HasPrefix(t, "int") || strings.HasPrefix(t, "uint") {
			return "a whole number"
		}
		return t
	}
	if m := incompatible.FindStringSubmatch(s); m != nil {
		return fmt.Sprintf("must be %s, not %s", word(m[2]), word(m[1]))
	}
	if m := mismatch.FindStringSubmatch(s); m != nil {
		return fmt.Sprintf("must be a table, not %s", word(m[1]))
	}
	return s
}
