package debugger

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/bytesize"
	"github.com/ispyd/ispyd/internal/live"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/symbols"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

// The runtime prints the arguments of a frame as words, and marks with a question
// mark those that may be older ones. Here those without a mark are given their names
// and types. Variables, and arguments as they are by now, are where the debug
// information says, in the stack of the core. All memory is read in the core, which is
// of the same moment.

// valuesPatience is how long who reads a traceback waits for its values, once the debug
// information is read, for which there is indexPatience.
const valuesPatience = 5 * time.Second

// show writes a traceback, with what is known of its arguments.
func (p *plugin) show(ctx context.Context, w io.Writer, t *traceback) error {
	_, err := io.WriteString(w, p.annotated(ctx, t))
	return err
}

// annotated is the text of a traceback with its values, or with a last line that says
// why there are none, or no more.
func (p *plugin) annotated(ctx context.Context, t *traceback) string {
	s, err := p.shower(ctx, t)
	if err != nil {
		return t.Text + absence("no arguments and variables", err)
	}
	defer s.index.Close()
	ctx, cancel := context.WithTimeout(ctx, valuesPatience)
	defer cancel()
	s.ctx = ctx
	text, n := s.annotate(t.Text)
	switch {
	case s.ctx.Err() != nil:
		err = errors.New("it took longer than " + valuesPatience.String())
	case s.left <= 0:
		err = errors.New("a traceback shows " + bytesize.Size(maxAnnotation).String() + " of them")
	case n == 0 && len(s.frames) == 0:
		err = errors.New("the stack in the core cannot be followed")
	case n == 0:
		err = errors.New("the debug information tells of none in these frames")
	}
	if err == nil {
		return text
	}
	if n == 0 {
		return text + absence("no arguments and variables", err)
	}
	return text + absence("not all arguments and variables", err)
}

// absence is the line that says why values are missing.
func absence(what string, err error) string {
	return "\n(" + what + " are shown by name: " + firstLine(err.Error()) + ")\n"
}

// shower opens what shows the values of a traceback; its index is to be closed.
func (p *plugin) shower(ctx context.Context, t *traceback) (*shower, error) {
	if t.PID != os.Getpid() {
		return nil, errors.New("process " + strconv.Itoa(t.PID) + " has ended; its executable and the core have them, for dlv core and ispy's debug")
	}
	if t.Core == 0 {
		return nil, errors.New("there is no core: " + t.NoCore)
	}
	core, err := p.store.core(t.N)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, indexPatience)
	defer cancel()
	index, err := symbols.Open(ctx)
	if err != nil {
		return nil, err
	}
	return newShower(ctx, index, openCore(core), p.redact, t), nil
}

// annotate puts the values under the frames of a text, and counts them.
func (s *shower) annotate(text string) (string, int) {
	var b strings.Builder
	call, n := "", 0
	for line := range strings.Lines(text) {
		b.WriteString(line)
		if !strings.HasPrefix(line, "\t") {
			call = strings.TrimSuffix(line, "\n")
			continue
		}
		if call == "" || s.left <= 0 || s.ctx.Err() != nil {
			continue
		}
		for _, v := range s.frame(call, lineOf(line)) {
			b.WriteString("\t    " + v + "\n")
			s.left -= len(v)
			n++
		}
		call = ""
	}
	return b.String(), n
}

// lineOf is the number of the line in a traceback's second line, "\tfile.go:12 +0x1d".
func lineOf(line string) int {
	line, _, _ = strings.Cut(strings.TrimSpace(line), " +0x")
	n, err := strconv.Atoi(line[strings.LastIndexByte(line, ':')+1:])
	if err != nil {
		return -1
	}
	return n
}

// The bounds of what is shown: of one value in bytes and parts, of one frame in
// values, of a traceback in bytes.
const (
	maxShownValue = 400
	maxValues     = 40
	maxAnnotation = 64 << 10
)

var tracebackLimits = live.Limits{Depth: 4, Items: 8, String: 200, Values: 60}

// shower shows values.
type shower struct {
	ctx     context.Context
	index   *symbols.Index
	core    *coreMemory
	decoder *live.Decoder
	moved   bool // the words of the text are not those of the core
	left    int  // bytes
	frames  []coreFrame
	module  pclntab.Module
}

func newShower(ctx context.Context, index *symbols.Index, core *coreMemory, hide *redact.Redactor, t *traceback) *shower {
	s := &shower{ctx: ctx, index: index, core: core, moved: t.Moved, left: maxAnnotation}
	s.decoder = &live.Decoder{Index: index, Limits: tracebackLimits, Hide: hide, Memory: s.memory}
	if table, err := pclntab.Open(); err == nil {
		s.module = table.Module()
		s.frames = core.walk(table)
		if !t.Registers && len(s.frames) > 0 {
			s.core.known = 0
		}
	}
	return s
}

var errAbsent = errors.New("the core lacks it")

// memory reads the core, and what the program cannot change where it is.
func (s *shower) memory(addr uintptr, b []byte) error {
	n := uintptr(len(b))
	if c := s.core.read(uint64(addr), uint64(n)); c != nil {
		copy(b, c)
		return nil
	}
	if m := s.module; addr >= m.Rodata && addr < m.Etypes && n <= m.Etypes-addr {
		return live.Read(addr, b)
	}
	return errAbsent
}

// gone is what is shown of a value that is nowhere.
const gone = "<optimised out>"

// frame returns the arguments and variables of a call such as
// main.f({0xc000012345, 0x5}, 0x7?) or main.f(...), at a line of its source.
func (s *shower) frame(call string, line int) (list []string) {
	open := openingOf(call)
	if open < 0 || !strings.HasSuffix(call, ")") || strings.HasPrefix(call, "created by ") {
		return nil
	}
	name := call[:open]
	vars, at := s.locals(name, line)
	var words map[string][]byte
	var fn symbols.Func
	var err error = errAbsent
	if at == nil || !at.inlined {
		if at != nil {
			name = at.name
		}
		fn, err = s.index.Func(strings.ReplaceAll(name, "%2e", "."))
	}
	if err == nil && !s.moved && !fn.Dict && !fn.Closure && !fn.Wrapper {
		words = arguments(fn.Params, call[open+1:len(call)-1])
	}
	shown := map[string]bool{}
	show := func(name string, t *symbols.Type, data []byte, certain bool) {
		bare := strings.TrimPrefix(name, "&")
		if shown[bare] || len(list) >= maxValues {
			return
		}
		shown[bare] = true
		list = append(list, s.variable(name, t, data, certain))
	}
	if err == nil {
		for _, q := range fn.Params {
			if q.Result || q.Name == "" || q.Name == "_" {
				continue
			}
			name, t, data, certain := q.Name, q.Type, words[q.Name], true
			for _, v := range vars {
				if strings.TrimPrefix(v.Name, "&") != name || !v.Param && v.Name == name {
					continue
				}
				if d := s.data(&v, at); d != nil && (v.Certain || data == nil) {
					name, t, data, certain = v.Name, v.Type, d, v.Certain
				}
			}
			show(name, t, data, certain)
		}
	}
	for _, v := range vars {
		show(v.Name, v.Type, s.data(&v, at), v.Certain)
	}
	return list
}

// uncertain stands behind what may be an earlier value, or another's.
const uncertain = " // not certain"

// variable is a line for a variable; data is nil where its value is gone.
func (s *shower) variable(name string, t *symbols.Type, data []byte, certain bool) string {
	mark := ""
	if !certain {
		mark = uncertain
	}
	if bare, ok := strings.CutPrefix(name, "&"); ok && t.Elem() != nil {
		// It is on the heap, and what is known is where.
		name, t = bare, t.Elem()
		if data != nil {
			at := uintptr(binary.LittleEndian.Uint64(data))
			data = nil
			if b := make([]byte, t.Size()); t.Size() <= maxVariable && s.memory(at, b) == nil {
				data = b
			}
			if data == nil {
				return name + " " + t.String() + " = ? /* at 0x" + strconv.FormatUint(uint64(at), 16) + ", which the core lacks */" + mark
			}
		}
	}
	text := name + " " + t.String() + " = "
	if data == nil {
		return text + gone
	}
	v, err := s.decoder.DecodeBytes(s.ctx, name, t, data)
	if err != nil {
		return text + "?"
	}
	return text + strings.ReplaceAll(string(v.AppendLine(nil, maxShownValue)), "\n", " ") + mark
}

// arguments reads the words that the runtime has printed of a frame. What is doubtful
// is not among them.
func arguments(params []symbols.Param, words string) map[string][]byte {
	r := &wordReader{text: words}
	known := map[string][]byte{}
	for _, q := range params {
		if q.Result {
			continue
		}
		r.doubtful = false
		value, ok := r.value(q.Type, 0)
		if !ok {
			break // from here on it is not known which word is whose
		}
		if !r.doubtful {
			known[q.Name] = value
		}
	}
	return known
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
