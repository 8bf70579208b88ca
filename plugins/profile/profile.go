// Package profile is the plugin for profiles and traces: those of net/http/pprof as
// files, a flight recorder, and triggers that keep its last moments when something
// goes wrong.
//
// A profile NAME is in pprof's format, and NAME.txt beside it is the same as
// text: heap and heap.txt, cpu/5s and cpu/5s.txt, delta/heap/30s and
// delta/heap/30s.txt. There is none for traces.
package profile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/ispyd/ispyd/internal/bytesize"
	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "profiles and traces; a flight recorder, and triggers that keep what it has"

// Plugin is the directory profile.
var Plugin = plugins.Plugin{Name: "profile", Doc: doc, Open: open}

// config is the plugin's section of the configuration.
type config struct {
	// Max is the longest capture of cpu, trace and delta.
	Max time.Duration `toml:"max"`
	// Block lets delta/block set the block profile rate, and then to 0.
	Block bool `toml:"block"`
	// Age and Bytes are the window of the flight recorder.
	Age   time.Duration `toml:"age"`
	Bytes bytesize.Size `toml:"bytes"`
	// When are triggers that stand from the start; they start the recorder.
	When []whenConfig `toml:"when"`
	// Interval is how often triggers look, Pause the least time between two
	// captures of one.
	Interval time.Duration `toml:"interval"`
	Pause    time.Duration `toml:"pause"`
	// Dir is where captures are kept, "" in memory; Captures and CaptureBytes
	// how many, and how many bytes in all: 256MiB, and 32MiB in memory.
	Dir          string        `toml:"dir"`
	Captures     int           `toml:"captures"`
	CaptureBytes bytesize.Size `toml:"capture-bytes"`
}

// whenConfig is one [[profile.when]]. The recorder's window is the largest that any
// of them asks for.
type whenConfig struct {
	Expression expression    `toml:"expression"`
	Age        time.Duration `toml:"age"`
	Bytes      bytesize.Size `toml:"bytes"`
}

// expression is checked when it is decoded, so that an error has file and line. Its
// source may come with a plugin that is opened later.
type expression string

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *expression) UnmarshalText(text []byte) error {
	*e = expression(text)
	_, err := trigger.Parse(string(text))
	return err
}

func defaults() config {
	return config{
		Max: 5 * time.Minute, Age: 10 * time.Second, Bytes: 10 << 20,
		Interval: time.Second, Pause: time.Minute, Captures: 8,
	}
}

func (c *config) window() window { return window{c.Age, c.Bytes} }

func (w window) check() error {
	switch {
	case w.Age < minAge || w.Age > maxAge:
		return fmt.Errorf("the age must be from %s to %s, not %s", minAge, maxAge, w.Age)
	case w.Bytes < minBytes || w.Bytes > maxBytes:
		return fmt.Errorf("bytes must be from %s to %s, not %s", bytesize.Size(minBytes), bytesize.Size(maxBytes), w.Bytes)
	}
	return nil
}

// Check implements config.Checker. It also makes the window the largest that is
// wanted.
func (c *config) Check() (key []string, err error) {
	if c.CaptureBytes == 0 {
		c.CaptureBytes = 32 << 20
		if c.Dir != "" {
			c.CaptureBytes = 256 << 20
		}
	}
	for _, k := range []struct {
		key         string
		v, min, max time.Duration
	}{
		{"max", c.Max, time.Second, time.Hour},
		{"interval", c.Interval, 100 * time.Millisecond, time.Minute},
		{"pause", c.Pause, time.Second, 24 * time.Hour},
		{"age", c.Age, minAge, maxAge},
	} {
		if k.v < k.min || k.v > k.max {
			return []string{k.key}, fmt.Errorf("must be a duration from %q to %q, not %q", k.min, k.max, k.v)
		}
	}
	fail := func(key, format string, args ...any) ([]string, error) {
		return []string{key}, fmt.Errorf(format, args...)
	}
	switch {
	case c.Bytes < minBytes || c.Bytes > maxBytes:
		return fail("bytes", "must be from %s to %s, not %s", bytesize.Size(minBytes), bytesize.Size(maxBytes), c.Bytes)
	case c.Captures < 1 || c.Captures > 1000:
		return fail("captures", "must be from 1 to 1000, not %d", c.Captures)
	case c.CaptureBytes < 16<<20 || c.CaptureBytes > 1<<40:
		return fail("capture-bytes", "must be from 16MiB to 1024GiB, not %s", c.CaptureBytes)
	case c.Dir != "" && !filepath.IsAbs(c.Dir):
		return fail("dir", "must be an absolute path, not %q", c.Dir)
	case len(c.When) > maxTriggers:
		return fail("when", "there are %d triggers, and %d are possible", len(c.When), maxTriggers)
	}
	return c.checkWhen()
}

func (c *config) checkWhen() (key []string, err error) {
	for i, w := range c.When {
		if w.Expression == "" {
			return []string{"when"}, errors.New("expression is missing: \"goroutines over 10000\"")
		}
		same := func(x whenConfig) bool { return x.Expression.same(w.Expression) }
		if slices.ContainsFunc(c.When[:i], same) {
			return []string{"when"}, fmt.Errorf("%q is there twice", string(w.Expression))
		}
		c.Age, c.Bytes = max(c.Age, w.Age), max(c.Bytes, w.Bytes)
	}
	if err := c.window().check(); err != nil {
		return []string{"when"}, err
	}
	return nil, nil
}

// same reports whether two expressions, which are right, are the same condition.
func (e expression) same(f expression) bool {
	x, _ := trigger.Parse(string(e))
	y, _ := trigger.Parse(string(f))
	return x.Same(y)
}

// plugin is one that is open.
type plugin struct {
	conf     config
	logger   *slog.Logger
	label    func(key, value string) string
	recorder *recorder
	setting  *nodes.Setting // of the recorder
	watcher  *watcher
	store    *store
}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	conf := defaults()
	if err := c.Decode(&conf); err != nil {
		return nil, nil, err
	}
	p := &plugin{conf: conf, logger: c.Logger(), label: c.Redact().Value, recorder: newRecorder(c.Logger()), setting: nodes.NewSetting("flight")}
	p.store = &store{keeper: &inMemory{}, most: conf.Captures, bytes: int64(conf.CaptureBytes)}
	if conf.Dir != "" {
		s := newSpill(conf.Dir, c.Logger())
		p.store.keeper, p.store.note = s, s.note
	}
	p.watcher = &watcher{logger: p.logger, interval: conf.Interval, pause: conf.Pause, capture: p.collect}
	for _, w := range conf.When {
		if _, err := p.watcher.add(string(w.Expression), "the configuration", true); err != nil {
			p.Close()
			return nil, nil, fmt.Errorf("profile.when: %w", err)
		}
	}
	p.arm(context.Background())
	return p.dir(), p, nil
}

// Close ends all that runs.
func (p *plugin) Close() error {
	p.watcher.close()
	p.store.close()
	return p.recorder.close()
}

func (p *plugin) dir() nodes.Dir {
	max := p.conf.Max
	cpu, cpuText := shared(&share{path: "cpu", what: "a CPU profile"}, "cpu", takeCPU)
	traces := &share{path: "trace", what: "an execution trace"}
	children := append(stateNodes(),
		newTimed("cpu", "where the program spends CPU time, labels as they are (pprof)", "the functions and stacks with the most CPU time, as text", max, cpu, cpuText),
		nodes.Timed("trace", "an execution trace (go tool trace)", max, func(ctx context.Context, d time.Duration, w io.Writer) error {
			data, err := traces.do(ctx, d, takeTrace)
			if err != nil {
				return err
			}
			return writeWhole(w, data)
		}),
		deltaDir(&p.conf),
		nodes.Unlisted(nodes.Text("flight", "the last moments as an execution trace, where the flight recorder is on (go tool trace)", func(ctx context.Context, w io.Writer) error {
			data, err := p.recorder.read(ctx)
			if err != nil {
				return err
			}
			return writeWhole(w, data)
		})),
		nodes.Value("status", "the flight recorder: on or off, since when, what it keeps, who has set it, why it is or was off; mode auto is on while there are triggers; captures, where they are not kept in their directory", func(ctx context.Context) (status, error) {
			s, err := p.recorder.now(ctx)
			s.Captures = p.store.where()
			return s, err
		}),
		nodes.Value("triggers", "what is watched: state (armed, hit, pause after a hit, waiting where it cannot come true as things are, and why), what the source reads now, hits, the last capture", func(context.Context) ([]line, error) {
			trace := p.recorder.why()
			if trace != "" {
				trace = "no trace: " + trace
			}
			if where := p.store.where(); where != "" && trace != "" {
				trace += "; " + where
			} else if where != "" {
				trace = where
			}
			return p.watcher.lines(trace), nil
		}),
		nodes.Value("sources", "what triggers can watch: flight when SOURCE over VALUE", sources),
		p.store.dir(),
		p.ctl(),
	)
	return nodes.Directory("profile", doc, children...)
}

// source is a line of the file sources.
type source struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	Doc  string `json:"doc"`
}

func sources(context.Context) ([]source, error) {
	var list []source
	for _, s := range trigger.Sources() {
		list = append(list, source{s.Name, string(s.Unit), s.Doc})
	}
	return list, nil
}
