// Package process publishes what the operating system knows of this process:
// who and where it is, its arguments and environment, limits, open files,
// threads, memory, and the control group that it runs in.
//
// Everything is read when a file is opened; nothing runs in between. On Linux
// the facts come from /proc/self, /sys/fs/cgroup and a few system calls. Where
// /proc is restricted, the files that need it say so when they are opened. On
// other systems a fact that is not to be had is not listed.
//
// Sizes are in bytes and times in seconds, unless a doc line says otherwise;
// "unlimited" is null in JSON.
package process

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const (
	name = "process"
	doc  = "the process as the operating system sees it: identity, arguments, limits, open files, threads, memory, cgroup"
)

// Plugin publishes the directory process. It has no settings of its own.
var Plugin = plugins.Plugin{Name: name, Doc: doc, Open: open}

func open(c plugins.Config) (nodes.Dir, io.Closer, error) {
	if err := c.Decode(&struct{}{}); err != nil {
		return nil, nil, err
	}
	dir := nodes.Directory(name, doc, identity(c.Redact(), slices.Clone(os.Args))...)
	for _, n := range platform(system{}) {
		if err := dir.Add(n); err != nil {
			return nil, nil, err
		}
	}
	return dir, nil, nil
}

// identity returns the facts that every system has.
func identity(hide *redact.Redactor, args []string) []nodes.Node {
	return []nodes.Node{
		number("pid", "process id, in the process's own pid namespace (getpid)", os.Getpid),
		number("ppid", "process id of the parent; 0 where it is in another pid namespace (getppid)", os.Getppid),
		number("uid", "real user id (getuid)", os.Getuid),
		number("euid", "effective user id (geteuid)", os.Geteuid),
		number("gid", "real group id (getgid)", os.Getgid),
		number("egid", "effective group id (getegid)", os.Getegid),
		nodes.Value("hostname", "host name, as the kernel or the container has it", func(context.Context) (string, error) {
			h, err := os.Hostname()
			return h, explain("the host name", err)
		}),
		nodes.Value("argv", "command line, one argument a line, line breaks escaped, secrets hidden (os.Args when ispyd started)", func(context.Context) ([]string, error) {
			return hide.Args(args), nil
		}),
		nodes.Value("environ", "environment as the program has it now, NAME=value, sorted, line breaks escaped, secrets hidden (os.Environ)", func(context.Context) (environment, error) {
			env := environment(hide.Env(os.Environ()))
			slices.Sort(env)
			return env, nil
		}),
	}
}

func number(name, doc string, get func() int) nodes.File {
	return nodes.Value(name, doc, func(context.Context) (int, error) { return get(), nil })
}

// environment is a list of NAME=value, an object in JSON.
type environment []string

// MarshalJSON makes an object of names and values.
func (e environment) MarshalJSON() ([]byte, error) {
	m := make(map[string]string, len(e))
	for _, entry := range e {
		name, value, _ := strings.Cut(entry, "=")
		m[name] = value
	}
	return json.Marshal(m)
}
