package ispyd

import (
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/internal/nearest"
	"github.com/ispyd/ispyd/internal/peercred"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/internal/rendezvous"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

// mainSection is the section that is ispyd's own, read by the clients too.
const mainSection = "ispyd"

// settings are the keys of [ispyd].
type settings struct {
	Listen      string   `toml:"listen"`
	Plugins     []string `toml:"plugins"`
	AllowRemote bool     `toml:"allow-remote"`
	ReadOnly    bool     `toml:"readonly"`
	AuditReads  bool     `toml:"audit-reads"`
	Redact      bool     `toml:"redact"`
	RedactNames []string `toml:"redact-names"`
	Limits      limits   `toml:"limits"`
}

// limits are the keys of [ispyd.limits], in the units of fs.Limits.
type limits struct {
	Connections int           `toml:"connections"`
	Requests    int           `toml:"requests"`
	Files       int           `toml:"files"`
	Message     int           `toml:"message"`
	Renderings  int64         `toml:"renderings"`
	Operation   time.Duration `toml:"operation"`
}

// configuration is what a file says, checked.
type configuration struct {
	settings
	file    *config.File
	addr    string
	limits  fs.Limits
	redact  *redact.Redactor
	plugins []plugins.Plugin
	mounts  []mount
}

// mount is a section [name] with mount = "addr".
type mount struct {
	Name    string        `toml:"-"`
	Addr    string        `toml:"mount"`
	Doc     string        `toml:"doc"`
	Timeout time.Duration `toml:"timeout"`
}

// optIn names the plugins of this module that a program passes to Start.
var optIn = []string{"http", "grpc", "sql", "vars"}

func readConfig(f *config.File, extra []plugins.Plugin) (*configuration, error) {
	c := &configuration{file: f, settings: settings{Plugins: []string{allBuiltins}, Redact: true}}
	if err := f.Decode(mainSection, &c.settings); err != nil {
		return nil, err
	}
	if c.Listen == "" {
		return nil, f.Errorf([]string{mainSection, "listen"}, `is missing: the path of a socket, such as "/tmp/ispyd/%%(pid)s.sock", or "localhost:12345"`)
	}
	if err := c.address(); err != nil {
		return nil, err
	}
	if err := c.selectPlugins(extra); err != nil {
		return nil, err
	}
	if err := c.otherSections(extra); err != nil {
		return nil, err
	}
	c.redact = redact.New(c.RedactNames, !c.Redact)
	return c, c.setLimits()
}

func (c *configuration) address() error {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	c.addr, err = rendezvous.Expand(c.Listen, os.Getpid(), host)
	if err != nil {
		return c.file.Errorf([]string{mainSection, "listen"}, "%v", err)
	}
	return nil
}

// selectPlugins finds the plugins: those that the file names, and the extra
// ones, whatever it names.
func (c *configuration) selectPlugins(extra []plugins.Plugin) error {
	all := append(builtins(), extra...)
	names := []string{allBuiltins}
	for _, p := range all {
		names = append(names, p.Name)
	}
	selected := func(name string) bool {
		return slices.Contains(c.Plugins, name) || slices.Contains(c.Plugins, allBuiltins)
	}
	for _, p := range builtins() {
		if selected(p.Name) {
			c.plugins = append(c.plugins, p)
		}
	}
	c.plugins = append(c.plugins, extra...)
	for _, name := range c.Plugins {
		if !slices.Contains(names, name) && !c.file.Has(name, "mount") {
			return c.file.Errorf([]string{mainSection, "plugins"}, "there is no plugin %q%s", name, c.missing(name, names))
		}
	}
	return nil
}

// missing explains a name that is no plugin of this program.
func (c *configuration) missing(name string, names []string) string {
	if slices.Contains(optIn, name) {
		return ": this program does not pass it to ispyd.Start"
	}
	if hint := nearest.Hint(name, names); hint != "" {
		return hint
	}
	return "; there are " + strings.Join(names, ", ")
}

// otherSections finds the mounts, and refuses sections that belong to nothing.
func (c *configuration) otherSections(extra []plugins.Plugin) error {
	names := []string{mainSection}
	for _, p := range append(builtins(), extra...) {
		names = append(names, p.Name)
	}
	for _, name := range c.file.Sections() {
		if slices.Contains(names, name) {
			continue
		}
		if !c.file.Has(name, "mount") {
			return c.file.Errorf([]string{name}, "there is no plugin of that name%s", c.missing(name, names))
		}
		m := mount{Name: name, Timeout: 5 * time.Second}
		if err := c.file.Decode(name, &m); err != nil {
			return err
		}
		if _, err := rendezvous.Network(m.Addr); err != nil {
			return c.file.Errorf([]string{name, "mount"}, "%v", err)
		}
		if !nodes.ValidName(name) {
			return c.file.Errorf([]string{name}, "cannot be the name of a directory")
		}
		if m.Timeout <= 0 {
			return c.file.Errorf([]string{name, "timeout"}, "must be more than 0")
		}
		c.mounts = append(c.mounts, m)
	}
	return nil
}

func (c *configuration) setLimits() error {
	l := c.Limits
	for _, k := range []struct {
		key      string
		v        int64
		min, max int64
	}{
		{"connections", int64(l.Connections), 1, 1 << 20},
		{"requests", int64(l.Requests), 1, 256},
		{"files", int64(l.Files), 8, 1 << 20},
		{"message", int64(l.Message), 4 << 10, 1 << 20},
		{"renderings", l.Renderings, 1 << 20, 1 << 40},
		{"operation", int64(l.Operation), int64(time.Millisecond), int64(24 * time.Hour)},
	} {
		if c.file.Has(mainSection, "limits", k.key) && (k.v < k.min || k.v > k.max) {
			key := []string{mainSection, "limits", k.key}
			if k.key == "operation" {
				return c.file.Errorf(key, `must be a duration from "%v" to "%v", such as "2m"`, time.Duration(k.min), time.Duration(k.max))
			}
			return c.file.Errorf(key, "must be from %v to %v", k.min, k.max)
		}
	}
	c.limits = fs.Limits{
		Conns:     l.Connections,
		Inflight:  l.Requests,
		Fids:      l.Files,
		Msize:     uint32(l.Message),
		Held:      l.Renderings,
		Operation: l.Operation,
	}
	return nil
}

// pluginConfig implements plugins.Config.
type pluginConfig struct {
	c      *configuration
	name   string
	logger *slog.Logger
	errors *fs.Records
}

// Failed lists, in the file errors, what is wrong with the plugin's section and
// does not keep it from being opened.
func (p pluginConfig) Failed(err error) { p.errors.Failed("config", p.name, err) }

func (p pluginConfig) Decode(v any) error       { return p.c.file.Decode(p.name, v) }
func (p pluginConfig) Redact() *redact.Redactor { return p.c.redact }
func (p pluginConfig) Logger() *slog.Logger     { return p.logger }

// Local implements what plugins.Local asks.
func (p pluginConfig) Local() bool {
	network, err := rendezvous.Network(p.c.addr)
	return err == nil && network == "unix" && peercred.Supported
}
