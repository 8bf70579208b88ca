package eval

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Functions of package fmt that take a format are taken apart here, a verb at a time:
// fmt answers %T and %p without asking what it prints, and would tell of what stands for it.

// maxNumber is the largest width, precision or index that is taken; fmt takes a little
// more of what is written in the format.
const maxNumber = 1e6

// directives is a format on its way through its arguments.
type directives struct {
	s       *Session
	args    []any
	wrapped []any // what stands for them, made when asked for
	next    int
	good    bool // the last index was
	jumped  bool // there was an index
	// of fmt.Errorf: a format with %w alone, and the errors for it
	wraps  bool
	out    strings.Builder
	errors []any
}

// sprintf is fmt.Sprintf.
func (s *Session) sprintf(format string, args []any) string {
	d := directives{s: s, args: args}
	d.run(format)
	return d.out.String()
}

// errorf is fmt.Errorf, which takes errors themselves for %w.
func (s *Session) errorf(format string, args []any) error {
	d := directives{s: s, args: args, wraps: true}
	d.run(format)
	return fmt.Errorf(d.out.String(), d.errors...)
}

func (d *directives) text(s string) {
	if d.wraps {
		s = strings.ReplaceAll(s, "%", "%%")
	}
	d.out.WriteString(s)
}

func (d *directives) run(f string) {
	for {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			break
		}
		d.text(f[:i])
		f = d.verb(f[i+1:])
		d.s.checkSize(int64(d.out.Len()))
	}
	d.text(f)
	if d.jumped || d.next >= len(d.args) {
		return
	}
	var l []string
	for i := d.next; i < len(d.args); i++ {
		e := d.s.typeText(d.args[i])
		if e != "<nil>" {
			e += "=" + fmt.Sprint(d.arg(i))
		}
		l = append(l, e)
	}
	d.text("%!(EXTRA " + strings.Join(l, ", ") + ")")
}

// arg is an argument as fmt gets it.
func (d *directives) arg(i int) any {
	if d.wrapped == nil {
		d.wrapped = d.s.printables(d.args)
	}
	return d.wrapped[i]
}

// verb prints what the rest of a format begins with after %, and returns what follows.
func (d *directives) verb(f string) string {
	d.good = true
	n := len(f) - len(strings.TrimLeft(f, "+-# 0"))
	flags := f[:n]
	f, indexed := d.index(f[n:])
	if strings.HasPrefix(f, "*") {
		w, ok := d.number()
		if !ok {
			d.text("%!(BADWIDTH)")
		} else if flags += strconv.Itoa(w); w < 0 {
			flags = strings.ReplaceAll(flags[:len(flags)-len(strconv.Itoa(w))], "0", "") + strconv.Itoa(w)
		}
		f, indexed = f[1:], false
	} else {
		n := digits(f)
		if n > 0 && indexed {
			d.good = false
		}
		if w, _ := strconv.Atoi(f[:n]); w > maxNumber {
			f, n = "", 0
		}
		flags += f[:n]
		f = f[n:]
	}
	if len(f) > 1 && f[0] == '.' {
		if indexed {
			d.good = false
		}
		f, indexed = d.index(f[1:])
		if strings.HasPrefix(f, "*") {
			p, ok := d.number()
			switch {
			case !ok || p < 0:
				d.text("%!(BADPREC)")
			default:
				flags += "." + strconv.Itoa(p)
			}
			f, indexed = f[1:], false
		} else {
			n := digits(f)
			if p, _ := strconv.Atoi(f[:n]); p > maxNumber {
				f, n = "", 0
			}
			flags += "." + f[:n]
			f = f[n:]
		}
	}
	if !indexed {
		f, _ = d.index(f)
	}
	if f == "" {
		d.text("%!(NOVERB)")
		return ""
	}
	verb, size := utf8.DecodeRuneInString(f)
	name := string(verb)
	f = f[size:]
	switch {
	case verb == '%':
		d.text("%")
	case !d.good:
		d.text("%!" + name + "(BADINDEX)")
	case d.next >= len(d.args):
		d.text("%!" + name + "(MISSING)")
	default:
		d.print(flags, verb)
		d.next++
	}
	return f
}

func digits(f string) int { return len(f) - len(strings.TrimLeft(f, "0123456789")) }

// index takes an argument index, [3].
func (d *directives) index(f string) (rest string, found bool) {
	if !strings.HasPrefix(f, "[") {
		return f, false
	}
	d.jumped = true
	end := strings.IndexByte(f, ']')
	if end < 0 || len(f) < 3 {
		d.good = false
		return f[1:], false
	}
	i, err := strconv.Atoi(f[1:end])
	found = err == nil && i <= maxNumber && digits(f[1:end]) == end-1
	if found && i >= 1 && i <= len(d.args) {
		d.next = i - 1
	} else {
		d.good = false
	}
	return f[end+1:], found
}

// number takes the argument of *.
func (d *directives) number() (n int, ok bool) {
	if d.next >= len(d.args) {
		return 0, false
	}
	v := reflect.ValueOf(d.args[d.next])
	d.next++
	var i int64
	switch {
	case !v.IsValid():
		return 0, false
	case v.CanInt():
		i = v.Int()
	case v.CanUint() && v.Uint() <= maxNumber:
		i = int64(v.Uint())
	default:
		return 0, false
	}
	return int(i), i >= -maxNumber && i <= maxNumber
}

// print prints the next argument.
func (d *directives) print(flags string, verb rune) {
	x := d.args[d.next]
	switch verb {
	case 'T':
		if x != nil {
			verb, x = 's', d.s.typeText(x)
		}
		d.text(fmt.Sprintf("%"+flags+string(verb), x))
		return
	case 'w':
		if err := d.s.asError(x); err != nil && d.wraps {
			d.out.WriteString("%" + flags + "w")
			d.errors = append(d.errors, err)
			return
		}
		if _, ok := x.(error); ok && d.wraps {
			verb = 'v' // an error whose method may not be called
		}
	}
	// What fmt would take for a flag is a verb behind a width.
	odd := strings.ContainsRune("+-# 0123456789.*[", verb)
	if odd && x == nil {
		d.text("%!" + string(verb) + "(<nil>)")
		return
	}
	if x != nil && (odd || verb == 'p' || verb == 'w') {
		v := unbridge(reflect.ValueOf(&x).Elem())
		d.text(fmt.Sprintf("%"+flags+"v", pointed{formatted{d.s, v, d.s.types.of(v.Type())}, verb}))
		return
	}
	d.text(fmt.Sprintf("%"+flags+string(verb), d.arg(d.next)))
}

// pointed is a value that %p and a wrong %w are for, which fmt asks no methods, or a verb
// that cannot be written by itself.
type pointed struct {
	formatted
	verb rune
}

// Format implements fmt.Formatter.
func (x pointed) Format(st fmt.State, _ rune) {
	f := newFormatter(x.s, st, x.verb)
	switch x.verb {
	default:
		f.value(x.v, x.t, 0, true)
		return
	case 'w':
	case 'p':
		switch x.v.Kind() {
		case reflect.Chan, reflect.Func, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
			f.address(x.v, x.t)
			return
		}
	}
	f.bad(x.v, x.t)
}
