package log

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
)

// freeze returns the attributes as they are now: what is given to Logger.With is
// shown as it was then, as log/slog's handlers do, and the program may go on to
// change it.
func freeze(attrs []slog.Attr) []slog.Attr {
	frozen := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		frozen[i] = slog.Attr{Key: a.Key, Value: freezeValue(a.Value)}
	}
	return frozen
}

func freezeValue(v slog.Value) slog.Value {
	v = v.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		return slog.GroupValue(freeze(v.Group())...)
	case slog.KindAny:
		return freezeAny(v.Any())
	}
	return v
}

func freezeAny(x any) slog.Value {
	switch x.(type) {
	case nil, frozen, *slog.Source:
		return slog.AnyValue(x)
	}
	if k := reflect.TypeOf(x).Kind(); k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.String {
		return slog.AnyValue(x) // a copy by itself
	}
	return slog.AnyValue(frozen{json: jsonOf(x), text: textOf(x)})
}

// frozen is a value as it was.
type frozen struct {
	json []byte
	text string
}

// MarshalJSON returns the value as JSON.
func (f frozen) MarshalJSON() ([]byte, error) { return f.json, nil }

// MarshalText returns the value as text.
func (f frozen) MarshalText() ([]byte, error) { return []byte(f.text), nil }

// jsonOf is x as JSON; what cannot be JSON is a string that says why.
func jsonOf(x any) (b []byte) {
	quoted := func(s string) []byte { b, _ := json.Marshal(s); return b }
	defer func() {
		if v := recover(); v != nil {
			b = quoted(panicked(x, v))
		}
	}()
	if _, own := x.(json.Marshaler); !own {
		if err, ok := x.(error); ok {
			return quoted(err.Error())
		}
	}
	b, err := json.Marshal(x)
	if err != nil {
		return quoted("!ERROR:" + err.Error())
	}
	return b
}

// textOf is x as text.
func textOf(x any) (s string) {
	defer func() {
		if v := recover(); v != nil {
			s = panicked(x, v)
		}
	}()
	if m, ok := x.(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil {
			return "!ERROR:" + err.Error()
		}
		return string(b)
	}
	if v := reflect.ValueOf(x); v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return string(v.Bytes())
	}
	return fmt.Sprintf("%+v", x)
}

// panicked is what stands in place of a value that panicked, as log/slog has it.
func panicked(x, v any) string {
	if r := reflect.ValueOf(x); r.Kind() == reflect.Pointer && r.IsNil() {
		return "<nil>"
	}
	return fmt.Sprintf("!PANIC: %v", v)
}
