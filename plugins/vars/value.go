package vars

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
)

// shown is what a variable's String has returned, as JSON without its secrets. A
// text that is no JSON becomes a string.
func (s shower) shown(name, text string, secret bool) []byte {
	data := []byte(text)
	if !json.Valid(data) {
		text = strings.ToValidUTF8(text, "�")
		if secret && text != "" {
			return quoted(redact.Mark)
		}
		return quoted(s.r.Text(text))
	}
	if !strings.Contains(text, `"`) && !secret {
		return data // numbers have no secrets
	}
	v, err := decode(data)
	if err != nil {
		return quoted(s.r.Text(text))
	}
	if args, ok := stringsOf(v); ok && name == "cmdline" && !secret {
		b, _ := json.Marshal(s.r.Args(args))
		return b
	}
	v, hidden := s.hide(v, secret)
	if !hidden {
		return data
	}
	b, err := json.Marshal(v)
	if err != nil {
		return quoted(redact.Mark)
	}
	return b
}

// decode decodes JSON and leaves numbers as they are written.
func decode(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// stringsOf returns v if it is a list of strings.
func stringsOf(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	var all []string
	for _, x := range list {
		s, ok := x.(string)
		if !ok {
			return nil, false
		}
		all = append(all, s)
	}
	return all, true
}

// hide hides the secrets of v, all of it where it is secret by its name, and
// reports whether there were any.
func (s shower) hide(v any, secret bool) (_ any, hidden bool) {
	if secret && v != nil && v != "" {
		return redact.Mark, true
	}
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			if x, some := s.hide(x, s.r.Name(name)); some {
				v[name], hidden = x, true
			}
		}
	case []any:
		for i, x := range v {
			if x, some := s.hide(x, false); some {
				v[i], hidden = x, true
			}
		}
	case string:
		if shown := s.r.Text(v); shown != v {
			return shown, true
		}
	}
	return v, hidden
}

// textOf is JSON in the form of the other files: a string without its quotes, a
// list a line for each element, an object a line for each field.
func textOf(data []byte) []byte {
	v, err := decode(data)
	if err != nil {
		return append(data, '\n')
	}
	if v == nil {
		return []byte("null\n")
	}
	return nodes.AppendText(nil, v)
}

// indented is JSON fit to read.
func indented(data []byte) []byte {
	var b bytes.Buffer
	if json.Indent(&b, data, "", "  ") != nil {
		return append(data, '\n')
	}
	b.WriteByte('\n')
	return b.Bytes()
}
