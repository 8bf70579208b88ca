package trigger

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ispyd/ispyd/internal/nearest"
)

// Expr is a condition: a source is over a value.
type Expr struct {
	Source Source
	Value  float64 // in the source's unit
	text   string
}

// String returns the expression as Parse takes it: "heap over 2GiB".
func (e Expr) String() string { return e.text }

// Same reports whether both are the same condition, however they were written.
func (e Expr) Same(f Expr) bool { return e.Source.Name == f.Source.Name && e.Value == f.Value }

// SyntaxError says what is wrong in an expression, and what is allowed there.
type SyntaxError struct {
	// Expr is the whole expression, Pos the number of the character in it, from
	// 1, where the mistake begins.
	Expr string
	Pos  int
	Text string
}

// Error returns "column 12: …" with the expression.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%q, column %d: %s", e.Expr, e.Pos, e.Text)
}

// maxExpr bounds an expression in bytes.
const maxExpr = 200

const form = "SOURCE over VALUE, such as goroutines over 10000"

// Parse reads an expression of the form "SOURCE over VALUE", where VALUE is in
// the source's unit: 10000, 1.5s, 2GiB, 90%. Errors are [*SyntaxError]. A source
// that is not there yet, but comes with a plugin of this module, is none: see
// [Expr.Ready].
func Parse(text string) (Expr, error) {
	text = strings.TrimSpace(text)
	fail := func(at int, format string, args ...any) (Expr, error) {
		return Expr{}, &SyntaxError{Expr: text, Pos: 1 + utf8.RuneCountInString(text[:at]), Text: fmt.Sprintf(format, args...)}
	}
	if len(text) > maxExpr || !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text[:min(len(text), 40)], "?") + "..."
		return fail(0, "an expression is at most %d bytes of UTF-8: %s", maxExpr, form)
	}
	words := split(text)
	if len(words) == 0 {
		return fail(0, "an expression is missing: %s", form)
	}
	name := words[0].text
	s, ok := Lookup(name)
	if !ok {
		if s, ok = comesLater(name); !ok {
			return fail(0, "%s", unknown(name))
		}
	}
	switch {
	case len(words) < 2:
		return fail(len(text), "the word over is missing: %s", form)
	case words[1].text != "over":
		return fail(words[1].at, "%q stands where only over can: %s", words[1].text, form)
	case len(words) < 3:
		return fail(len(text), "the value is missing: %s", s.Unit.allowed())
	}
	rest := words[3:]
	value := words[2].text
	v, ok := s.Unit.parse(value)
	if len(rest) > 0 && !strings.ContainsAny(rest[0].text[:1], "0123456789.") { // 2 GiB
		if w, unit := s.Unit.parse(value + rest[0].text); unit {
			value, rest, v, ok = value+rest[0].text, rest[1:], w, true
		}
	}
	switch {
	case !ok:
		return fail(words[2].at, "%q is no value of %s: %s", value, s.Name, s.Unit.allowed())
	case len(rest) == 0:
		return Expr{s, v, s.Name + " over " + value}, nil
	case strings.HasPrefix(rest[0].text, "for="):
		return fail(rest[0].at, "a trigger has no %q: it stands until flight never removes it", "for=")
	}
	return fail(rest[0].at, "%q is too much: the value is %s", rest[0].text, s.Unit.allowed())
}

func unknown(name string) string {
	var names, absent []string
	for _, s := range Sources() {
		names = append(names, s.Name)
	}
	text := strings.Join(names, ", ")
	for _, l := range later {
		if !slices.Contains(names, l.name) {
			absent = append(absent, l.name+" with "+l.plugin)
			names = append(names, l.name)
		}
	}
	if len(absent) > 0 {
		text += "; " + strings.Join(absent, ", ")
	}
	return fmt.Sprintf("there is no source %q%s; there are %s", name, nearest.Hint(name, names), text)
}

type word struct {
	text string
	at   int // its offset in bytes
}

func split(text string) (words []word) {
	rest := text
	for _, f := range strings.Fields(text) {
		i := strings.Index(rest, f)
		words = append(words, word{f, len(text) - len(rest) + i})
		rest = rest[i+len(f):]
	}
	return words
}

// allowed says what a value of the unit looks like.
func (u Unit) allowed() string {
	switch u {
	case Seconds:
		return "a duration such as 1s, 250ms or 1m30s"
	case Bytes:
		return "a number of bytes such as 512MiB or 2GiB (B, KiB, MiB, GiB, TiB)"
	case Percent:
		return "a percentage from 0% to 100%, such as 90%"
	}
	return "a number such as 10000"
}

// sizes are the units of memory that are written.
var sizes = []struct {
	suffix string
	shift  int
}{{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}, {"B", 0}}

// parse reads a value of the unit.
func (u Unit) parse(s string) (v float64, ok bool) {
	factor := 1.0
	most := math.Inf(1)
	switch u {
	case Seconds:
		d, err := time.ParseDuration(s)
		return d.Seconds(), err == nil && d >= 0
	case Bytes:
		for _, z := range sizes {
			if n, found := strings.CutSuffix(s, z.suffix); found {
				s, factor = n, float64(uint64(1)<<z.shift)
				break
			}
		}
	case Percent:
		s, most = strings.TrimSuffix(s, "%"), 100
	}
	// ParseFloat also takes words and hexadecimal numbers.
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	v = n * factor
	return v, err == nil && v <= most && !math.IsInf(v, 0)
}
