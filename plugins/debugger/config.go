package debugger

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/bytesize"
)

// config is the plugin's section of the configuration.
type config struct {
	// Enabled turns the plugin on.
	Enabled bool `toml:"enabled"`
	// Engine lets the plugin change the program's text: without it what the
	// program recovers itself is kept, and what http.Wrap sees.
	Engine bool `toml:"engine"`
	// Insert are probes that stand from the start, as after the verb insert.
	Insert []string `toml:"insert"`
	// Rate is how many captures a second each probe makes at most, Burst how many
	// at once after a time without any.
	Rate  float64 `toml:"rate"`
	Burst int     `toml:"burst"`
	// Share is how much of a CPU, in percent, a probe may take.
	Share float64 `toml:"share"`
	// Tracebacks and Bytes are how much is kept.
	Tracebacks int           `toml:"tracebacks"`
	Bytes      bytesize.Size `toml:"bytes"`
	// Dir is where tracebacks are kept, "" in memory.
	Dir string `toml:"dir"`
	// OnCrash keeps the panic that ends the program, in Dir.
	OnCrash bool `toml:"on-crash"`
}

func defaults() config {
	return config{Engine: true, Rate: 1, Burst: 10, Share: 1, Tracebacks: 1000, Bytes: 64 << 20}
}

// limits are what the verb limit changes.
type limits struct {
	rate       float64
	burst      int
	share      float64
	tracebacks int
	bytes      bytesize.Size
}

func (c *config) limits() limits {
	return limits{c.Rate, c.Burst, c.Share, c.Tracebacks, c.Bytes}
}

// String is the form that the verb limit takes.
func (l limits) String() string {
	return fmt.Sprintf("rate=%s burst=%d share=%s tracebacks=%d bytes=%s",
		decimal(l.rate), l.burst, decimal(l.share), l.tracebacks, l.bytes)
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// limitKeys are the words of the verb limit.
var limitKeys = []string{"rate", "burst", "share", "tracebacks", "bytes"}

// set sets one limit.
func (l *limits) set(key, value string) (err error) {
	switch key {
	case "rate":
		l.rate, err = number(value)
	case "burst":
		l.burst, err = strconv.Atoi(value)
	case "share":
		l.share, err = number(strings.TrimSuffix(value, "%"))
	case "tracebacks":
		l.tracebacks, err = strconv.Atoi(value)
	case "bytes":
		return l.bytes.UnmarshalText([]byte(value))
	}
	if err != nil {
		return fmt.Errorf("%s: %.40q is not a number", key, value)
	}
	return nil
}

func number(s string) (float64, error) { return strconv.ParseFloat(s, 64) }

// check says which limit is out of bounds. The conditions are written so that NaN
// is.
func (l limits) check() error {
	switch {
	case !(l.rate > 0 && l.rate <= 1000):
		return fmt.Errorf("rate: must be more than 0 and at most 1000 captures a second, not %s", decimal(l.rate))
	case l.burst < 1 || l.burst > 1000:
		return fmt.Errorf("burst: must be from 1 to 1000 captures, not %d", l.burst)
	case !(l.share > 0 && l.share <= 100):
		return fmt.Errorf("share: must be more than 0 and at most 100 percent of a CPU, not %s", decimal(l.share))
	case l.tracebacks < 1 || l.tracebacks > 100_000:
		return fmt.Errorf("tracebacks: must be from 1 to 100000, not %d", l.tracebacks)
	case l.bytes < 1<<20 || l.bytes > 1<<40:
		return fmt.Errorf("bytes: must be from 1MiB to 1024GiB, not %s", l.bytes)
	}
	return nil
}

// check makes good what is wrong with the values, and says what that was: a
// debugger is no reason for a program not to be looked into.
func (c *config) check() (wrong []error) {
	for _, k := range []struct {
		put func(to *limits)
		fix func(from config)
	}{
		{func(l *limits) { l.rate = c.Rate }, func(d config) { c.Rate = d.Rate }},
		{func(l *limits) { l.burst = c.Burst }, func(d config) { c.Burst = d.Burst }},
		{func(l *limits) { l.share = c.Share }, func(d config) { c.Share = d.Share }},
		{func(l *limits) { l.tracebacks = c.Tracebacks }, func(d config) { c.Tracebacks = d.Tracebacks }},
		{func(l *limits) { l.bytes = c.Bytes }, func(d config) { c.Bytes = d.Bytes }},
	} {
		good := defaults()
		l := good.limits()
		k.put(&l)
		if err := l.check(); err != nil {
			wrong = append(wrong, fmt.Errorf("debugger.%w; the default counts", err))
			k.fix(good)
		}
	}
	if c.Dir != "" && !filepath.IsAbs(c.Dir) {
		wrong = append(wrong, fmt.Errorf("debugger.dir: must be an absolute path, not %q; tracebacks are kept in memory", c.Dir))
		c.Dir = ""
	}
	if c.OnCrash && c.Dir == "" {
		wrong = append(wrong, fmt.Errorf("debugger.on-crash: needs debugger.dir, where the crash is kept"))
		c.OnCrash = false
	}
	return wrong
}
