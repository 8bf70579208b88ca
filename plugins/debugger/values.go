package debugger

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/live"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// The runtime prints the arguments of a frame as words, and marks with a question
// mark those that may be older ones. Here those without a mark are given their names
// and types, and what they point to is read in the core, which is of the same moment.

// valuesPatience is how long who reads a traceback waits for the debug information.
const valuesPatience = 5 * time.Second

// show writes a traceback, with what is known of its arguments.
func (p *plugin) show(ctx context.Context, w io.Writer, t *traceback) error {
	_, err := io.WriteString(w, p.annotated(ctx, t))
	return err
}

func (p *plugin) annotated(ctx context.Context, t *traceback) string {
	if t.PID != os.Getpid() || t.Core == 0 || t.Moved || !strings.Contains(t.Text, "0x") {
		return t.Text
	}
	core, err := p.store.core(t.N)
	if err != nil {
		return t.Text
	}
	ctx, cancel := context.WithTimeout(ctx, valuesPatience)
	defer cancel()
	index, err := symbols.Open(ctx)
	if err != nil {
		return t.Text
	}
	defer index.Close()
	s := &shower{index: index, core: openCore(core), hide: p.redact}
	var b strings.Builder
	var values []string
	for line := range strings.Lines(t.Text) {
		b.WriteString(line)
		if !strings.HasPrefix(line, "\t") {
			values = s.frame(strings.TrimSuffix(line, "\n"))
			continue
		}
		for _, v := range values {
			b.WriteString("\t    " + v + "\n")
		}
		values = nil
	}
	return b.String()
}

// shower shows values.
type shower struct {
	index *symbols.Index
	core  *coreMemory
	hide  *redact.Redactor
	left  int // how much more of one argument is shown
}

// frame returns the arguments of a line such as main.f({0xc000012345, 0x5}, 0x7?).
func (s *shower) frame(line string) (list []string) {
	if !strings.HasSuffix(line, ")") {
		return nil
	}
	open := openingOf(line)
	if open < 0 {
		return nil
	}
	fn, err := s.index.Func(strings.ReplaceAll(line[:open], "%2e", "."))
	if err != nil || fn.Dict || fn.Closure || fn.Wrapper {
		return nil
	}
	r := &wordReader{text: line[open+1 : len(line)-1]}
	for _, q := range fn.Params {
		if q.Result {
			continue
		}
		r.doubtful = false
		value, ok := r.value(q.Type, 0)
		if !ok {
			return list // from here on it is not known which word is whose
		}
		if q.Name == "" || q.Name == "_" {
			continue
		}
		text := "<optimised out>"
		if !r.doubtful {
			s.left = 60
			text = s.text(q.Name, q.Type, value, 0)
		}
		list = append(list, q.Name+" "+q.Type.String()+" = "+text)
	}
	return list
}

// openingOf is where the arguments begin: names have parentheses, too.
func openingOf(line string) int {
	for i := len(line) - 1; i >= 0; i-- {
		if line[i] == '(' {
			return i
		}
	}
	return -1
}

// wordReader reads the words of a frame.
type wordReader struct {
	text     string
	doubtful bool // a word had a question mark
}

func (r *wordReader) eat(prefix string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(r.text, ", "), prefix)
	if ok {
		r.text = rest
	}
	return ok
}

// word reads one word into n bytes.
func (r *wordReader) word(n int) ([]byte, bool) {
	if !r.eat("0x") {
		return nil, false
	}
	end := 0
	for end < len(r.text) && strings.IndexByte("0123456789abcdef", r.text[end]) >= 0 {
		end++
	}
	v, err := strconv.ParseUint(r.text[:end], 16, 64)
	if err != nil {
		return nil, false
	}
	r.text = r.text[end:]
	if rest, ok := strings.CutPrefix(r.text, "?"); ok {
		r.text, r.doubtful = rest, true
	}
	b := make([]byte, 8)
	binary.LittleEndian.PutUint64(b, v)
	return b[:n], n <= 8
}

// value reads a value as the compiler lays out what is printed (cmd/compile's
// emitArgInfo): aggregates in braces, five levels and ten words at most.
func (r *wordReader) value(t *symbols.Type, level int) ([]byte, bool) {
	if t == nil || t.Size() > 80 {
		return nil, false
	}
	b := make([]byte, t.Size())
	words := 0
	switch t.Kind() {
	case reflect.String, reflect.Interface:
		words = 2
	case reflect.Slice:
		words = 3
	case reflect.Struct, reflect.Array:
		return b, r.parts(t, b, level)
	case reflect.Complex64, reflect.Complex128:
		return nil, false
	default:
		if len(b) == 0 || len(b) > 8 {
			return nil, false
		}
		w, ok := r.word(len(b))
		copy(b, w)
		return b, ok
	}
	if !r.eat("{") {
		return nil, false
	}
	for i := range words {
		w, ok := r.word(8)
		if !ok {
			return nil, false
		}
		copy(b[8*i:], w)
	}
	return b, r.eat("}")
}

// parts reads the fields of a struct, or the elements of an array.
func (r *wordReader) parts(t *symbols.Type, b []byte, level int) bool {
	if level > 4 || !r.eat("{") {
		return false
	}
	part := func(t *symbols.Type, at uintptr) bool {
		v, ok := r.value(t, level+1)
		if ok {
			copy(b[at:], v)
		}
		return ok
	}
	if t.Kind() == reflect.Array {
		for i := range t.Len() {
			if !part(t.Elem(), uintptr(i)*t.Elem().Size()) {
				return false
			}
		}
	} else {
		for _, f := range t.Fields() {
			if f.Name != "_" && !part(f.Type, f.Offset) {
				return false
			}
		}
	}
	return r.eat("}")
}

// The bounds of what is shown of a value.
const (
	maxDepth  = 4
	maxItems  = 8
	maxString = 200
)

// text is a value in the syntax of Go. What the core lacks is shown as its address.
func (s *shower) text(name string, t *symbols.Type, b []byte, depth int) string {
	s.left--
	switch {
	case s.hide.Name(name) && t.Kind() != reflect.Bool:
		return redact.Mark
	case s.left < 0:
		return "..."
	case uintptr(len(b)) < t.Size():
		return "?"
	}
	le := binary.LittleEndian
	var w uint64
	for i := min(len(b), 8) - 1; i >= 0; i-- {
		w = w<<8 | uint64(b[i])
	}
	hex := "0x" + strconv.FormatUint(w, 16)
	switch t.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(b[0] != 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		shift := 64 - 8*len(b)
		return strconv.FormatInt(int64(w<<shift)>>shift, 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(w, 10)
	case reflect.Float32:
		return strconv.FormatFloat(float64(math.Float32frombits(uint32(w))), 'g', -1, 32)
	case reflect.Float64:
		return strconv.FormatFloat(math.Float64frombits(w), 'g', -1, 64)
	case reflect.String:
		return s.str(w, le.Uint64(b[8:]))
	case reflect.Slice:
		return s.slice(name, t, w, le.Uint64(b[8:]), depth)
	case reflect.Struct, reflect.Array:
		return t.String() + s.members(name, t, b, depth)
	case reflect.Interface:
		return s.dynamic(name, t, w, le.Uint64(b[8:]), depth)
	}
	if w == 0 {
		return "nil"
	}
	if t.Kind() == reflect.Pointer && depth < maxDepth && t.Elem() != nil {
		if at := s.core.read(w, uint64(t.Elem().Size())); at != nil && t.Elem().Kind() == reflect.Struct {
			return "&" + s.text(name, t.Elem(), at, depth+1)
		}
	}
	return hex
}

// constant says that the program cannot change what is at these addresses.
func (s *shower) constant(addr, n uint64) bool {
	table, err := pclntab.Open()
	if err != nil {
		return false
	}
	m := table.Module()
	return addr >= uint64(m.Rodata) && addr+n <= uint64(m.Etypes)
}

// now reads the program's memory as it is.
func now(addr, n uint64) []byte {
	b := make([]byte, n)
	if live.Read(uintptr(addr), b) != nil {
		return nil
	}
	return b
}

func (s *shower) str(addr, n uint64) string {
	if n == 0 {
		return `""`
	}
	most := min(n, maxString)
	b := s.core.read(addr, most)
	if b == nil && s.constant(addr, most) {
		b = now(addr, most)
	}
	if b == nil {
		return "string of " + strconv.FormatUint(n, 10) + " bytes at 0x" + strconv.FormatUint(addr, 16)
	}
	text := strconv.Quote(s.hide.Text(string(b)))
	if most < n {
		text += "... (" + strconv.FormatUint(n, 10) + " bytes)"
	}
	return text
}

func (s *shower) slice(name string, t *symbols.Type, addr, n uint64, depth int) string {
	if addr == 0 {
		return "nil"
	}
	elem := t.Elem()
	if elem == nil || depth > maxDepth {
		return t.String() + " of " + strconv.FormatUint(n, 10)
	}
	var items []string
	for i := range min(n, maxItems) {
		b := s.core.read(addr+i*uint64(elem.Size()), uint64(elem.Size()))
		if b == nil {
			break
		}
		items = append(items, s.text(name, elem, b, depth+1))
	}
	text := t.String() + "{" + strings.Join(items, ", ")
	if uint64(len(items)) < n {
		text += ", ... " + strconv.FormatUint(n, 10) + " in all"
	}
	return text + "}"
}

// members are the fields or elements of a value, in braces.
func (s *shower) members(name string, t *symbols.Type, b []byte, depth int) string {
	if depth > maxDepth {
		return "{...}"
	}
	var items []string
	if t.Kind() == reflect.Array {
		for i := range min(t.Len(), maxItems) {
			items = append(items, s.text(name, t.Elem(), b[uintptr(i)*t.Elem().Size():][:t.Elem().Size()], depth+1))
		}
		if t.Len() > maxItems {
			items = append(items, "...")
		}
	} else {
		for _, f := range t.Fields() {
			if s.left < 0 {
				items = append(items, "...")
				break
			}
			items = append(items, f.Name+": "+s.text(f.Name, f.Type, b[f.Offset:][:f.Type.Size()], depth+1))
		}
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// dynamic is what an interface holds: its type, and of a pointer the address.
func (s *shower) dynamic(name string, t *symbols.Type, word, data uint64, depth int) string {
	if word == 0 {
		return "nil"
	}
	if !t.EmptyInterface() {
		b := now(word+8, 8) // internal/abi.ITab.Type; a table of methods stays as it is
		if b == nil {
			return "interface at 0x" + strconv.FormatUint(data, 16)
		}
		word = binary.LittleEndian.Uint64(b)
	}
	of, ok := s.index.TypeAt(uintptr(word))
	if !ok {
		return "interface at 0x" + strconv.FormatUint(data, 16)
	}
	if of.Kind() == reflect.Pointer {
		return "(" + of.String() + ") 0x" + strconv.FormatUint(data, 16)
	}
	if b := s.core.read(data, uint64(of.Size())); b != nil {
		return s.text(name, of, b, depth+1)
	}
	return "(" + of.String() + ")"
}
