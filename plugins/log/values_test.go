package log

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
)

type account struct {
	Name     string
	Password string
	Tags     map[string]any
}

type valuer func() slog.Value

func (v valuer) LogValue() slog.Value { return v() }

type marshaler func() ([]byte, error)

func (m marshaler) MarshalText() ([]byte, error) { return m() }

// Secrets are hidden in the tail, in both formats, and nowhere else.
func TestRedaction(t *testing.T) {
	const secret = "s3cr3t"
	resolved := valuer(func() slog.Value {
		return slog.GroupValue(slog.String("user", "ann"), slog.String("token", secret))
	})
	for name, attr := range map[string]slog.Attr{
		"by name":           slog.String("password", secret),
		"by part of a name": slog.String("db_password", secret),
		"of any kind":       slog.Any("apiKey", []string{secret}),
		"group":             slog.Group("login", slog.String("token", secret), slog.String("user", "ann")),
		"secret group":      slog.Group("credentials", slog.String("value", secret)),
		"url":               slog.String("peer", "postgres://ann:"+secret+"@db/x"),
		"error":             slog.Any("err", errors.New("dial postgres://ann:"+secret+"@db/x: refused")),
		"struct":            slog.Any("account", account{"ann", secret, nil}),
		"pointer":           slog.Any("account", &account{"ann", "", map[string]any{"session_token": secret}}),
		"list":              slog.Any("accounts", []account{{Name: "ann", Password: secret}}),
		"LogValuer":         slog.Any("user", resolved),
		"JSON in a string":  slog.String("body", `{"a":[{"password": "`+secret+`"}]}`),
		"JSON in a text":    slog.String("reply", `400: {"user":"ann","access_token":"`+secret+`"}`),
		"pair in a string":  slog.String("why", "password="+secret+" host=db: refused"),
		"header in a text":  slog.String("why", "Authorization: Bearer "+secret+" was refused"),
		"path":              slog.String("path", "/login?token="+secret),
		"raw JSON":          slog.Any("body", json.RawMessage(`{"a":[{"password":"`+secret+`"}]}`)),
	} {
		for _, format := range []string{"json", "text"} {
			for _, how := range []string{"record", "with", "group"} {
				t.Run(name+" "+format+" "+how, func(t *testing.T) {
					dir := tree(t, "[log]\nformat = \""+format+"\"\n")
					logger, out := program(slog.LevelInfo)
					switch how {
					case "record":
						logger.Info("hello", attr)
					case "with":
						logger.With(attr).Info("hello")
					case "group":
						logger.WithGroup("g").With(attr).Info("hello", "x", 1)
					}
					got := read(t, dir, "tail")
					if strings.Contains(got, secret) || !strings.Contains(got, "[redacted]") || strings.Count(got, "\n") != 1 {
						t.Errorf("tail %s", got)
					}
					if format == "json" && !json.Valid([]byte(got)) {
						t.Errorf("no JSON: %s", got)
					}
					if !strings.Contains(out.String(), "msg=hello") {
						t.Errorf("the program's line is %q", out.String())
					}
				})
			}
		}
	}
}

// The text of an error is cut no further than its secret goes, and a string that
// says the same is shown in the same way.
func TestCauseStays(t *testing.T) {
	for text, want := range map[string]string{
		`Get "http://h/p?api_key=K": dial tcp: connection refused`: `Get "http://h/p?api_key=[redacted]": dial tcp: connection refused`,
		`Authorization: Bearer abc123 was refused`:                 `Authorization: [redacted] was refused`,
	} {
		t.Run(text[:3], func(t *testing.T) {
			dir := tree(t, "")
			logger, _ := program(slog.LevelInfo)
			logger.Info("m", "err", errors.New(text), "s", text)
			var line struct{ Err, S string }
			if err := json.Unmarshal([]byte(read(t, dir, "tail")), &line); err != nil || line.Err != want || line.S != want {
				t.Errorf("%s: %+v, %v", text, line, err)
			}
		})
	}
}

// What is no secret is shown as log/slog shows it.
func TestNoSecrets(t *testing.T) {
	attrs := []any{"n", 7, "f", 1.5, "s", "a b", "err", io.EOF, "nil", nil, "acc", struct{ Name, Town string }{Name: "ann"},
		"list", []int{1, 2}, slog.Group("g", "x", true), "pw", "", "token", nil, "json", `{"user": "ann", "n": [1, 2]}`, "path", "/a?b=c&code=7"}
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			dir := tree(t, "[log]\nformat = \""+format+"\"\n")
			var own bytes.Buffer
			next := slog.Handler(slog.NewJSONHandler(&own, nil))
			if format == "text" {
				next = slog.NewTextHandler(&own, nil)
			}
			logger := slog.New(Handler(next))
			logger.Info("hello", attrs...)
			logger.With(attrs...).Info("hello", attrs...)
			if got := read(t, dir, "tail"); got != own.String() {
				t.Errorf("tail\n%s\nthe program's own\n%s", got, own.String())
			}
		})
	}
}

// Values that panic or fail are no worse than in the program's own handler.
func TestBadValues(t *testing.T) {
	var nobody *account
	for name, v := range map[string]any{
		"LogValuer panics": valuer(func() slog.Value { panic("boom") }),
		"LogValuer loops":  func() any { var v valuer; v = func() slog.Value { return slog.AnyValue(v) }; return v }(),
		"marshaler panics": marshaler(func() ([]byte, error) { panic("boom") }),
		"marshaler fails":  marshaler(func() ([]byte, error) { return nil, errors.New("boom") }),
		"nil pointer":      nobody,
		"not JSON":         map[string]any{"f": func() {}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, "")
			logger, out := program(slog.LevelInfo)
			logger.Info("hello", "v", v)
			logger.With("v", v).Info("hello")
			if strings.Count(out.String(), "msg=hello") != 2 {
				t.Errorf("the program's lines are %q", out.String())
			}
			got := read(t, dir, "tail")
			if strings.Count(got, `"msg":"hello"`) != 2 {
				t.Errorf("tail %s", got)
			}
			for line := range strings.Lines(got) {
				if !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %s", line)
				}
			}
		})
	}
}

// A value that blocks holds up the goroutine that logs it, as it does without us,
// and nobody else.
func TestBlockingValue(t *testing.T) {
	dir := tree(t, "")
	logger := slog.New(Handler(slog.NewTextHandler(io.Discard, nil)))
	alive = logger
	entered, release, done := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		first := true
		logger.Info("blocks", "v", valuer(func() slog.Value {
			if first {
				first = false
				entered <- true
				<-release
			}
			return slog.IntValue(1)
		}))
	}()
	<-entered
	logger.Info("passes", "n", 1)
	if err := write(t.Context(), t, dir, "level", "debug"); err != nil {
		t.Error(err)
	}
	logger.With("n", 2).Debug("passes")
	if got := read(t, dir, "tail"); strings.Count(got, `"msg":"passes"`) != 2 {
		t.Errorf("tail %s", got)
	}
	close(release)
	<-done
	if got := read(t, dir, "tail"); strings.Count(got, `"msg":"blocks"`) != 1 {
		t.Errorf("tail %s", got)
	}
}

// A program's handler that panics does so still, and the line is there.
func TestPanickingHandler(t *testing.T) {
	dir := tree(t, "")
	logger := slog.New(Handler(panicking{slog.DiscardHandler}))
	func() {
		defer func() {
			if v := recover(); v != "the program's" {
				t.Errorf("recovered %v", v)
			}
		}()
		logger.Info("hello")
	}()
	if got := read(t, dir, "tail"); !strings.Contains(got, `"msg":"hello"`) {
		t.Errorf("tail %q", got)
	}
}

// What is given to With is shown as it was then.
func TestWithIsFrozen(t *testing.T) {
	dir := tree(t, "")
	logger, _ := program(slog.LevelInfo)
	a := &account{Name: "before"}
	list := []int{1, 2}
	logger = logger.With("a", a, "list", list)
	a.Name, list[0] = "after", 9
	logger.Info("hello")
	if got := read(t, dir, "tail"); !strings.Contains(got, `"Name":"before"`) || !strings.Contains(got, `"list":[1,2]`) {
		t.Errorf("tail %s", got)
	}
}

type panicking struct{ slog.Handler }

func (panicking) Enabled(context.Context, slog.Level) bool  { return true }
func (panicking) Handle(context.Context, slog.Record) error { panic("the program's") }
