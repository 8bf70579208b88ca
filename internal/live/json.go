package live

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the value as JSON. Structs are objects, and so are maps with
// keys that are strings, numbers or bools; other maps are lists of {"key", "value"}.
// A []byte is base64 as encoding/json writes it, a string that is not UTF-8 has its
// other bytes replaced. A value in an interface is {"type", "value"} unless it is a
// string, bool, int or float64; a channel or lock has what is known of it; cycles
// and addresses are strings. What was left out is at the name "..." of an object,
// and the last string of a list.
func (v *Value) AppendJSON(b []byte) []byte {
	switch v.Form {
	case Nil:
		return append(b, "null"...)
	case Bool, Number:
		return append(b, v.Text...)
	case String, Word, Special, Func, Hidden:
		if v.Note != "" {
			return appendString(b, v.Text+" ["+v.Note+"]")
		}
		return appendString(b, v.Text)
	case Bytes:
		s := base64.StdEncoding.EncodeToString([]byte(v.Text))
		if v.Note != "" {
			s += " [" + v.Note + "]"
		}
		return appendString(b, s)
	case Struct:
		return v.appendObject(b, func(m *Member) string { return m.Name })
	case List:
		return v.appendList(b)
	case Map:
		if v.simpleKeys() {
			return v.appendObject(b, func(m *Member) string { return m.Key.keyText() })
		}
		return v.appendPairs(b)
	case Pointer:
		if len(v.Members) == 1 && !v.Cycle {
			return v.Members[0].Value.AppendJSON(b)
		}
		note := v.Note
		if v.Cycle {
			note = "cycle"
		}
		s := address(v.Addr)
		if note != "" {
			s += " [" + note + "]"
		}
		return appendString(b, s)
	case Interface:
		return v.Members[0].Value.appendTyped(b)
	case Chan, Lock:
		b = append(b, '{')
		for i, f := range v.Facts {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, f.Name), ':')
			if f.Name == "closed" || f.Name == "locked" {
				b = strconv.AppendBool(b, f.Value != 0)
			} else {
				b = strconv.AppendInt(b, int64(f.Value), 10)
			}
		}
		return append(b, '}')
	}
	return appendString(b, "? ["+v.Note+"]")
}

// appendTyped appends a value together with its type.
func (v *Value) appendTyped(b []byte) []byte {
	switch v.Type.Name() {
	case "string", "bool", "int", "float64":
		return v.AppendJSON(b)
	}
	b = append(appendString(append(b, `{"type":`...), v.Type.String()), `,"value":`...)
	return append(v.AppendJSON(b), '}')
}

func (v *Value) appendObject(b []byte, name func(*Member) string) []byte {
	b = append(b, '{')
	for i := range v.Members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name(&v.Members[i])), ':')
		b = v.Members[i].Value.AppendJSON(b)
	}
	if v.Note != "" {
		if len(v.Members) > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `"...":`...), v.Note)
	}
	return append(b, '}')
}

func (v *Value) appendList(b []byte) []byte {
	b = append(b, '[')
	for i := range v.Members {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.Members[i].Value.AppendJSON(b)
	}
	if v.Note != "" {
		if len(v.Members) > 0 {
			b = append(b, ',')
		}
		b = appendString(b, "... ["+v.Note+"]")
	}
	return append(b, ']')
}

func (v *Value) appendPairs(b []byte) []byte {
	b = append(b, '[')
	for i := range v.Members {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.Members[i].Key.AppendJSON(append(b, `{"key":`...))
		b = v.Members[i].Value.AppendJSON(append(b, `,"value":`...))
		b = append(b, '}')
	}
	if v.Note != "" {
		if len(v.Members) > 0 {
			b = append(b, ',')
		}
		b = appendString(b, "... ["+v.Note+"]")
	}
	return append(b, ']')
}

// simpleKeys reports whether all keys can be names.
func (v *Value) simpleKeys() bool {
	for i := range v.Members {
		switch k := v.Members[i].Key; k.Form {
		case String, Number, Bool, Special:
			if k.Note != "" {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (v *Value) keyText() string { return v.Text }

func appendString(b []byte, s string) []byte {
	if plainASCII(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	q, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...)
	}
	return append(b, q...)
}

func plainASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
