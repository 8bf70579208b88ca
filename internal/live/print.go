package live

import (
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// columns is the width past which a composite value is printed on several lines.
const columns = 90

// AppendGo appends the value in Go syntax, without a newline at the end. What Go
// has no syntax for, times, channels and locks among it, is written as one reads
// it; what was left out is a comment. Constants have no conversion where the type
// is known from what is around them.
func (v *Value) AppendGo(b []byte) []byte {
	p := printer{b: b}
	p.value(v, 0, false, false)
	return p.b
}

// AppendLine appends the value as AppendGo does, all on one line, and stops behind
// some max bytes.
func (v *Value) AppendLine(b []byte, max int) []byte {
	p := printer{b: b, max: len(b) + max}
	p.value(v, 0, false, false)
	return p.b
}

type printer struct {
	b   []byte
	max int // of one line; 0 where there may be more
}

//go:noinline
func (p *printer) str(s string) { p.b = append(p.b, s...) }

// note writes a comment behind a value.
func (p *printer) note(s string) {
	if s != "" {
		p.str(" " + comment(s))
	}
}

func comment(s string) string { return "/* " + strings.ReplaceAll(s, "*/", "* /") + " */" }

// value prints v. In an interface a constant needs its type; where the type is
// elided that of a composite value is left out.
func (p *printer) value(v *Value, indent int, inInterface, elide bool) {
	switch v.Form {
	case Unknown:
		p.str("?")
		p.note(v.Note)
		return
	case Nil:
		if inInterface {
			p.str("(" + v.Type.String() + ")(nil)")
			return
		}
		p.str("nil")
	case Hidden:
		p.str(v.Text)
	case Func:
		p.str(v.Text)
	case Bool, Number, Word, String, Special:
		p.constant(v, inInterface)
	case Bytes:
		p.bytes(v, indent, elide)
	case Struct, List, Map:
		p.composite(v, indent, elide)
		return // has printed the note
	case Pointer:
		p.pointer(v, indent)
		return
	case Interface:
		p.value(v.Members[0].Value, indent, true, false)
	case Chan:
		p.channel(v)
	case Lock:
		p.lock(v)
	}
	p.note(v.Note)
}

// constant prints a constant, with a conversion where its type would be another.
func (p *printer) constant(v *Value, inInterface bool) {
	text := v.Text
	if v.Form == String {
		text = quote(text)
	}
	if v.Form == Special || !inInterface || plain(v) {
		p.str(text)
		return
	}
	p.str(v.Type.String() + "(" + text + ")")
}

// plain reports whether the constant has the type that Go gives it by itself.
func plain(v *Value) bool {
	switch v.Type.Name() {
	case "int":
		return v.Form == Number
	case "float64":
		return v.Form == Number && strings.ContainsAny(v.Text, ".e")
	case "string", "bool", "complex128":
		return true
	}
	return false
}

// quote prefers a raw string where that is easier to read.
func quote(s string) string {
	if len(s) > 0 && strings.ContainsAny(s, "\"\\") && strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

func (p *printer) bytes(v *Value, indent int, elide bool) {
	typ := v.Type.String()
	if typ == "[]uint8" {
		typ = "[]byte"
	}
	if v.Type.Kind() == reflect.Slice && text(v.Text) {
		p.str(typ + "(" + quote(v.Text) + ")")
		return
	}
	if !elide {
		p.str(typ)
	}
	p.str("{")
	for i := 0; i < len(v.Text); i++ {
		if p.max > 0 && len(p.b) > p.max {
			p.str(", ...")
			break
		}
		if p.max == 0 && len(v.Text) > 2*bytesLine && i%bytesLine == 0 {
			if i > 0 {
				p.str(",")
			}
			p.line(indent + 1)
		} else if i > 0 {
			p.str(", ")
		}
		p.str("0x")
		p.str(string("0123456789abcdef"[v.Text[i]>>4]) + string("0123456789abcdef"[v.Text[i]&15]))
	}
	if p.max == 0 && len(v.Text) > 2*bytesLine {
		p.str(",")
		p.line(indent)
	}
	p.str("}")
}

// bytesLine is the number of bytes in a line.
const bytesLine = 16

// text reports whether bytes are probably text; its end may have been cut.
func text(s string) bool {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 && len(s)-i >= utf8.UTFMax || r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
			return false
		}
		i += n
	}
	return len(s) > 0
}

// composite prints a struct, list or map, on one line where it fits.
func (p *printer) composite(v *Value, indent int, elide bool) {
	start := len(p.b)
	if !elide {
		p.str(v.Type.String())
	}
	head := len(p.b)
	p.members(v, indent, false)
	if p.max > 0 || len(p.b)-start+8*indent <= columns && !hasNewline(p.b[head:]) {
		return
	}
	if len(v.Members) == 0 {
		return
	}
	p.b = p.b[:head]
	p.members(v, indent, true)
}

// more stands for the members from the i-th on.
func more(i int) string {
	if i == 0 {
		return "..."
	}
	return ", ..."
}

func hasNewline(b []byte) bool {
	for _, c := range b {
		if c == '\n' {
			return true
		}
	}
	return false
}

func (p *printer) members(v *Value, indent int, lines bool) {
	start := len(p.b)
	p.str("{")
	packed := lines && p.rows(v, indent)
	for i := 0; i < len(v.Members) && !packed; i++ {
		m := &v.Members[i]
		if p.max > 0 && len(p.b) > p.max {
			p.str(more(i))
			break
		}
		if lines {
			p.line(indent + 1)
		} else if i > 0 {
			p.str(", ")
		}
		switch {
		case m.Key != nil:
			p.value(m.Key, indent+1, false, true)
			p.keyAddress(m.Key)
			p.str(": ")
		case v.Form == Struct:
			p.str(m.Name + ": ")
		}
		p.value(m.Value, indent+1, false, v.Form != Struct)
		if lines {
			p.str(",")
		} else if p.max == 0 && (len(p.b)-start > 4*columns || hasNewline(p.b[len(p.b)-1:])) {
			p.str("\n") // too long: composite tries again with lines
			return
		}
	}
	if v.Note != "" {
		if lines {
			p.line(indent + 1)
		} else if len(v.Members) > 0 {
			p.str(" ")
		}
		p.str(comment(v.Note))
	}
	if lines {
		p.line(indent)
	}
	p.str("}")
}

// keyAddress tells keys apart that are pointers, and is what an index has for them.
func (p *printer) keyAddress(k *Value) {
	if k.Form == Interface {
		k = k.Members[0].Value
	}
	if k.Form == Pointer && len(k.Members) > 0 {
		p.note(address(k.Addr))
	}
}

// rows prints a list of numbers, as many in a line as fit. It returns false where
// others are in it.
func (p *printer) rows(v *Value, indent int) bool {
	for i := range v.Members {
		if f := v.Members[i].Value.Form; f != Number && f != Bool && f != Word || v.Form != List {
			return false
		}
	}
	line := 0
	for i := range v.Members {
		if i == 0 || len(p.b)-line+8*indent+len(v.Members[i].Value.Text) > columns {
			p.line(indent + 1)
			line = len(p.b)
		} else {
			p.str(" ")
		}
		p.value(v.Members[i].Value, indent+1, false, true)
		p.str(",")
	}
	return true
}

func (p *printer) line(indent int) {
	p.str("\n")
	for range indent {
		p.str("\t")
	}
}

func address(a uintptr) string { return "0x" + strconv.FormatUint(uint64(a), 16) }

func (p *printer) pointer(v *Value, indent int) {
	addr := address(v.Addr)
	if v.Cycle || len(v.Members) == 0 {
		p.str("(" + v.Type.String() + ")(" + addr + ")")
		if v.Cycle {
			p.note("cycle")
		}
		p.note(v.Note)
		return
	}
	to := v.Members[0].Value
	switch to.Form {
	case Struct, List, Map, Bytes:
		p.str("&")
		p.value(to, indent, false, false)
	case Pointer:
		p.str("&(")
		p.value(to, indent, false, false)
		p.str(")")
	default:
		// Go has no literal of a pointer to a constant.
		p.str("&")
		if to.Type != nil && to.Form != Unknown && to.Form != Lock && to.Form != Chan {
			p.str(to.Type.String() + "(")
			p.value(to, indent, false, false)
			p.str(")")
			return
		}
		p.value(to, indent, false, false)
	}
}

func (p *printer) channel(v *Value) {
	p.str("make(" + v.Type.String())
	if n := v.fact("cap"); n > 0 {
		p.str(", " + strconv.Itoa(n))
	}
	p.str(")")
	note := "len " + strconv.Itoa(v.fact("len")) + ", cap " + strconv.Itoa(v.fact("cap"))
	for _, w := range []string{"receivers", "senders"} {
		if n := v.fact(w); n > 0 {
			note += ", " + count(n, w) + waiting(n)
		}
	}
	if v.fact("closed") != 0 {
		note += ", closed"
	}
	p.note(note)
}

func (p *printer) lock(v *Value) {
	note := "unlocked"
	if f := v.Facts[0]; f.Name == "counter" {
		note = "counter " + strconv.Itoa(f.Value)
	} else if v.fact("locked") != 0 {
		note = "locked"
	} else if n := v.fact("readers"); n > 0 {
		note = "locked by " + count(n, "readers")
	}
	if n := v.fact("waiters"); n > 0 {
		note += ", " + strconv.Itoa(n) + waiting(n)
	}
	p.str(v.Type.String() + "{ /* " + note + " */ }")
}

// count is a number of things, whose plural ends with an s.
func count(n int, things string) string {
	if n == 1 {
		things = things[:len(things)-1]
	}
	return strconv.Itoa(n) + " " + things
}

func waiting(n int) string {
	if n == 1 {
		return " waits"
	}
	return " wait"
}

//go:noinline
func (v *Value) fact(name string) int {
	for _, f := range v.Facts {
		if f.Name == name {
			return f.Value
		}
	}
	return 0
}
