package log

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ispyd/ispyd/internal/redact"
)

// hider hides secrets in attributes.
type hider struct {
	r      *redact.Redactor
	format lineFormat
	// known are the names that have been looked at, and whether they speak of
	// secrets: a program has few.
	known atomic.Pointer[map[string]bool]
	mu    sync.Mutex
}

const maxKnown = 1 << 10

func newHider(r *redact.Redactor, f lineFormat) *hider {
	h := &hider{r: r, format: f}
	h.known.Store(&map[string]bool{})
	return h
}

// attr hides what is secret in an attribute, as slog's ReplaceAttr.
func (h *hider) attr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && builtin(a) {
		return a
	}
	secret := h.secret(a.Key)
	for _, g := range groups {
		secret = secret || h.secret(g)
	}
	switch {
	case secret && !empty(a.Value):
		a.Value = slog.StringValue(redact.Mark)
	case a.Value.Kind() == slog.KindString:
		s := a.Value.String()
		shown := s
		if strings.Contains(s, "?") || strings.Contains(s, "eyJ") {
			shown = h.r.Value(a.Key, s)
		}
		// As in an error, which says the same.
		if strings.ContainsAny(s, "=:") || strings.Contains(s, "earer ") || strings.Contains(s, "EARER ") {
			shown = h.r.Text(shown)
		}
		if shown != s {
			a.Value = slog.StringValue(shown)
		}
	case a.Value.Kind() == slog.KindAny:
		a.Value = h.any(a.Value)
	}
	return a
}

func builtin(a slog.Attr) bool {
	switch a.Key {
	case slog.TimeKey:
		return a.Value.Kind() == slog.KindTime
	case slog.LevelKey:
		_, ok := a.Value.Any().(slog.Level)
		return ok
	case slog.MessageKey:
		return true
	}
	return false
}

func empty(v slog.Value) bool {
	return v.Kind() == slog.KindString && v.String() == "" || v.Kind() == slog.KindAny && v.Any() == nil
}

func (h *hider) secret(name string) bool {
	if s, ok := (*h.known.Load())[name]; ok {
		return s
	}
	s := h.r.Name(name)
	h.mu.Lock()
	defer h.mu.Unlock()
	if known := *h.known.Load(); len(known) < maxKnown && len(name) <= maxGroupName {
		more := maps.Clone(known)
		more[strings.Clone(name)] = s
		h.known.Store(&more)
	}
	return s
}

// any hides the secrets inside of a value: the fields of a struct, the entries of a
// map, the text of an error.
func (h *hider) any(v slog.Value) slog.Value {
	x := v.Any()
	if x == nil {
		return v
	}
	if h.format == formatText {
		return slog.StringValue(h.r.Text(textOf(x)))
	}
	data := jsonOf(x)
	if len(data) > 0 && data[0] == '"' {
		var s string
		if json.Unmarshal(data, &s) == nil {
			return slog.StringValue(h.r.Text(s))
		}
	}
	if bytes.IndexByte(data, '"') < 0 {
		return slog.AnyValue(json.RawMessage(data))
	}
	return slog.AnyValue(json.RawMessage(h.json(data)))
}

// json hides the secrets in JSON. Where there are none it returns data.
func (h *hider) json(data []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return data
	}
	v, hidden := h.inside(v)
	if !hidden {
		return data
	}
	b, err := json.Marshal(v)
	if err != nil {
		return data
	}
	return b
}

// inside hides the secrets of v, and reports whether there were any.
func (h *hider) inside(v any) (_ any, hidden bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			if x != nil && x != "" && h.secret(name) {
				v[name], hidden = redact.Mark, true
			} else if x, some := h.inside(x); some {
				v[name], hidden = x, true
			}
		}
	case []any:
		for i, x := range v {
			if x, some := h.inside(x); some {
				v[i], hidden = x, true
			}
		}
	case string:
		if shown := h.r.Text(v); shown != v {
			return shown, true
		}
	}
	return v, hidden
}
