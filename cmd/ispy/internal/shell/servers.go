package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
)

// servers lists what there is, a line each: number, name, address, command, age
// and state.
func (sh *Shell) servers(flags *pflag.FlagSet) verb.Run {
	clean := flags.Bool("clean", false, "remove the sockets that nobody listens on")
	return func(ctx context.Context, c *verb.Call) error {
		if len(c.Args) > 0 {
			return c.WrongUse()
		}
		list, err := sh.opts.Space.Servers(ctx)
		removed := false
		if *clean {
			before := len(list)
			list = sh.clean(ctx, c, list)
			removed = len(list) < before
		}
		var names []string
		stale := 0
		for i, s := range list {
			names = append(names, s.Name)
			if s.Stale {
				stale++
			}
			if _, err := fmt.Fprintf(c.Stdout, "%d: %s\n", i+1, serverLine(s, time.Now())); err != nil {
				return err
			}
		}
		sh.mu.Lock()
		sh.listed = names
		sh.mu.Unlock()
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case len(list) == 0 && removed:
			return nil
		case len(list) == 0:
			return space.Unreachable("no program listens at " + sh.opts.Space.At())
		case len(list) == 1 && list[0].Err != nil && !list[0].Stale:
			return verb.Silent(verb.ExitCode(list[0].Err))
		case stale > 0:
			fmt.Fprintf(c.Stderr, "%s: servers -clean removes what nobody listens on\n", count(stale, "stale socket"))
		}
		return nil
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// clean removes the stale sockets and returns the other servers.
func (sh *Shell) clean(ctx context.Context, c *verb.Call, list []client.Server) []client.Server {
	var rest []client.Server
	for _, s := range list {
		if !s.Stale {
			rest = append(rest, s)
			continue
		}
		if err := s.Remove(ctx); err != nil {
			c.Warn(err)
			rest = append(rest, s)
			continue
		}
		fmt.Fprintf(c.Stdout, "removed %s\n", s.Addr)
	}
	return rest
}

func serverLine(s client.Server, now time.Time) string {
	line := s.Name
	if s.Addr != s.Name {
		line += "  " + s.Addr
	}
	if s.Command != "" {
		line += "  " + s.Command
	}
	if !s.Started.IsZero() {
		line += "  up " + age(now.Sub(s.Started))
	}
	switch {
	case s.Stale:
		line += "  stale: nobody listens, its program has ended"
	case s.Err != nil:
		line += "  " + withoutPath(s.Err)
	case s.State != "":
		line += "  " + s.State
	}
	return line
}

// withoutPath is an error for a line that has the address already.
func withoutPath(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Text
	}
	return err.Error()
}

// age is a duration in its largest unit: 42s, 5m, 3h, 12d.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "d"
}

// connect goes to a program: that of the name, pid or number, or the only one.
func (sh *Shell) connect(ctx context.Context, c *verb.Call) (string, error) {
	var name string
	var err error
	switch len(c.Args) {
	case 0:
		name, err = sh.only(ctx, c)
	case 1:
		name, err = sh.number(ctx, c.Args[0])
	default:
		return "", c.WrongUse()
	}
	if err != nil {
		return "", err
	}
	_, err = sh.opts.Space.Dial(ctx, name)
	return "/" + name, err
}

// Find is the name of the program of that name or pid: where the address has the
// host's name, HOST.PID is found by PID if no other host has one.
func Find(ctx context.Context, s *space.Space, arg string) (string, error) {
	if _, err := strconv.Atoi(arg); err != nil {
		return arg, nil
	}
	list, _ := s.Live(ctx)
	var found []string
	for _, srv := range list {
		if srv.Name == arg {
			return arg, nil
		}
		if strings.HasSuffix(srv.Name, "."+arg) {
			found = append(found, srv.Name)
		}
	}
	switch len(found) {
	case 0:
		return arg, nil
	case 1:
		return found[0], nil
	}
	return "", verb.Usagef("several programs have the pid %s, say which: %s", arg, strings.Join(found, ", "))
}

// number is the name of the program of that name or pid, or of that number in the
// list that was shown last.
func (sh *Shell) number(ctx context.Context, arg string) (string, error) {
	name, err := Find(ctx, sh.opts.Space, arg)
	n, nerr := strconv.Atoi(arg)
	if err != nil || nerr != nil || n < 1 || sh.lives(ctx, name) {
		return name, err
	}
	sh.mu.Lock()
	listed := sh.listed
	sh.mu.Unlock()
	if listed == nil {
		list, _ := sh.opts.Space.Servers(ctx)
		for _, s := range list {
			listed = append(listed, s.Name)
		}
	}
	if n > len(listed) || slices.Contains(listed, name) {
		return name, nil
	}
	return listed[n-1], nil
}

// only is the one program that runs, or the successor of the one we are in.
func (sh *Shell) only(ctx context.Context, c *verb.Call) (string, error) {
	list, err := sh.opts.Space.Servers(ctx)
	live := slices.DeleteFunc(slices.Clone(list), func(s client.Server) bool { return s.Err != nil })
	here, _ := space.Split(c.Dir)
	switch {
	case len(live) == 1:
		return sh.succeed(c, here, live[0]), nil
	case len(live) > 1:
		if next, ok := sh.successor(here, live); ok {
			return sh.succeed(c, here, next), nil
		}
		return "", verb.Usagef("several programs run, say which (connect PID): %s", space.Names(live))
	case err != nil:
		return "", err
	case len(list) == 1:
		return "", list[0].Err
	}
	return "", space.Unreachable("no program listens at " + sh.opts.Space.At())
}

// successor is the program that has taken the place of one that has gone: of those
// that run the same command and have not been used, the only one.
func (sh *Shell) successor(here string, live []client.Server) (client.Server, bool) {
	old, known := sh.opts.Space.Known(here)
	if !known || !sh.opts.Space.Gone(here) || old.Command == "" {
		return client.Server{}, false
	}
	var next []client.Server
	for _, s := range live {
		if s.Command == old.Command && (old.Started.IsZero() || s.Started.After(old.Started)) {
			next = append(next, s)
		}
	}
	if len(next) != 1 {
		return client.Server{}, false
	}
	return next[0], true
}

// succeed says that another program takes the place of one that has gone.
func (sh *Shell) succeed(c *verb.Call, here string, s client.Server) string {
	if here != "" && here != s.Name && sh.opts.Space.Gone(here) {
		fmt.Fprintf(c.Stderr, "%s has gone; now in %s (%s)\n", here, s.Name, s.Command)
	}
	return s.Name
}
