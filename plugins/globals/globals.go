// Package globals is the plugin that shows the program's package variables, exported
// or not, with nothing registered: they are found in the program's own debug
// information and decoded from memory while the program goes on writing them.
//
// It is off unless the configuration says [globals] enabled = true, and refuses to
// be on where the kernel does not tell who asks, unless allow-remote is set too.
// Nothing can be written unless write is set.
//
// What is written is reached by the program's own pointers, through maps too; what a
// map or an interface holds by value is refused, and so are the insides of locks and
// times, and the runtime's variables. A pointer to a bool, number or string is written
// through. Names that speak of secrets hide
// texts and whatever is composed, but not a single number, bool, time or lock: a Key
// that is an int is shown, a part of an array called Key is not. A bundle of evidence
// has variables only where they are named.
//
// What allow and deny decide is which variables have a name here. A value that one
// of them points to is shown with it, whatever variable else points there. Package
// console is not bound by them.
package globals

import (
	"context"
	"fmt"
	"io"

	"path"
	"strings"

	"github.com/ispyd/ispyd/internal/live"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const doc = "package variables of the program, exported or not, in Go syntax"

// Plugin is the directory globals.
var Plugin = plugins.Plugin{Name: "globals", Doc: doc, Open: open}

// config is the plugin's section of the configuration.
type config struct {
	// Enabled turns the plugin on.
	Enabled bool `toml:"enabled"`
	// Write lets scalars and strings be written.
	Write bool `toml:"write"`
	// AllowRemote turns it on also where the kernel does not tell who asks.
	AllowRemote bool `toml:"allow-remote"`
	// Allow and Deny are patterns of packages and variables: main, net/http/...,
	// main.limit, main.pass*. Without Allow all are allowed; Deny comes first.
	Allow []pattern `toml:"allow"`
	Deny  []pattern `toml:"deny"`
	// Depth, Items, String and Values bound what is shown of one variable, see
	// live.Limits.
	Depth  int `toml:"depth"`
	Items  int `toml:"items"`
	String int `toml:"string"`
	Values int `toml:"values"`
}

// pattern is one of Allow and Deny.
type pattern string

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *pattern) UnmarshalText(text []byte) error {
	*p = pattern(text)
	if _, err := path.Match(string(text), ""); err != nil || len(text) == 0 {
		return fmt.Errorf("%q is no pattern such as main, net/http/..., main.limit or main.pass*", text)
	}
	// Paths of main and of the standard library have no dots: what follows a second
	// one is a part of a variable, which would be taken for a name that there is not.
	first, _, deep := strings.Cut(string(text), "/")
	pkg, name, _ := strings.Cut(path.Base(string(text)), ".")
	if v, _, part := strings.Cut(name, "."); part && name != ".." && (!deep || !strings.Contains(first, ".")) {
		return fmt.Errorf("%q is a part of a variable: patterns are of packages and whole variables, as %s.%s", text, strings.TrimSuffix(string(text), path.Base(string(text)))+pkg, v)
	}
	return nil
}

// matches reports whether the pattern stands for a variable of a package.
func (p pattern) matches(pkg, name string) bool {
	s := string(p)
	if prefix, ok := strings.CutSuffix(s, "/..."); ok {
		return pkg == prefix || strings.HasPrefix(pkg, prefix+"/")
	}
	if s == "..." || s == pkg || s == name {
		return true
	}
	ok, _ := path.Match(s, name)
	return ok
}

func defaults() config {
	l := live.DefaultLimits
	return config{Depth: l.Depth, Items: l.Items, String: l.String, Values: l.Values}
}

// Check implements config.Checker.
func (c *config) Check() (key []string, err error) {
	for _, k := range []struct {
		key string
		v   int
		max int
	}{
		{"depth", c.Depth, 100}, {"items", c.Items, 1 << 20}, {"string", c.String, 1 << 24}, {"values", c.Values, 1 << 20},
	} {
		if k.v < 1 || k.v > k.max {
			return []string{k.key}, fmt.Errorf("must be from 1 to %d, not %d", k.max, k.v)
		}
	}
	return nil, nil
}

// allowed reports whether a variable may be seen.
func (c *config) allowed(pkg, name string) bool {
	for _, p := range c.Deny {
		if p.matches(pkg, name) {
			return false
		}
	}
	for _, p := range c.Allow {
		if p.matches(pkg, name) {
			return true
		}
	}
	return len(c.Allow) == 0
}

// plugin is one that is open and enabled.
type plugin struct {
	conf config
	hide *redact.Redactor
}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	p := &plugin{conf: defaults(), hide: c.Redact()}
	if err := c.Decode(&p.conf); err != nil {
		return nil, nil, err
	}
	if !p.conf.Enabled {
		return disabled(), nil, nil
	}
	if !p.conf.AllowRemote && !plugins.Local(c) {
		return nil, nil, nodes.Errorf(nodes.ErrDisabled, "the program's memory is shown only on a unix socket whose peers the kernel knows: "+
			"set [ispyd] listen to the path of a socket, or [globals] allow-remote = true to show it to everybody who can connect")
	}
	return p.root(), nil, nil
}

// disabled is the directory of the plugin that is off.
func disabled() nodes.Dir {
	const how = "disabled: set enabled = true in the section [globals] of the configuration"
	status := nodes.Static("status", "whether the variables are shown", []byte(how+"\n"))
	return nodes.Dynamic("globals", doc,
		func(_ context.Context, name string) (nodes.Node, error) {
			if name == status.Name() {
				return status, nil
			}
			return nil, nodes.Errorf(nodes.ErrMisnamed, "the plugin globals is %s", how)
		},
		func(context.Context) ([]nodes.Node, error) { return []nodes.Node{status}, nil },
		nodes.Help{Path: status.Name(), Kind: nodes.KindStatic, Doc: status.Doc()},
	)
}
