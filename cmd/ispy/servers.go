package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/fs/client"
)

// servers lists what there is, a line each: number, name, address, command, age
// and state.
func servers(sh *shell, ctx context.Context, args []string) error {
	if len(args) > 0 {
		return wrongUse("servers")
	}
	list, err := sh.config.Servers(ctx)
	sh.listed = nil
	for i, s := range list {
		sh.listed = append(sh.listed, s.Name)
		fmt.Fprintf(sh.stdout, "%d: %s\n", i+1, serverLine(s, time.Now()))
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case len(list) == 0:
		return unreachablef("no program listens at %s", at(sh.config))
	case len(list) == 1 && list[0].Err != nil && !list[0].Stale:
		return failed(exitCode(list[0].Err))
	}
	return nil
}

// at is where the configuration says that servers are.
func at(c *client.Config) string {
	if c.Root != "" {
		return c.Listen + " in " + c.Root
	}
	return c.Listen
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
		line += "  " + reason(s.Err)
	case s.State != "":
		line += "  " + s.State
	}
	return line
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

// connect goes to a program.
func connect(sh *shell, ctx context.Context, args []string) error {
	switch len(args) {
	case 0:
		return sh.connectOnly(ctx)
	case 1:
		return sh.connect(ctx, args[0])
	}
	return wrongUse("connect")
}

// connect goes to the program of that name or pid, or that number in the list
// that was shown last.
func (sh *shell) connect(ctx context.Context, arg string) error {
	err := sh.connectPID(ctx, arg)
	n, nerr := strconv.Atoi(arg)
	if err == nil || nerr != nil || n < 1 {
		return err
	}
	if sh.listed == nil {
		list, _ := sh.config.Servers(ctx)
		for _, s := range list {
			sh.listed = append(sh.listed, s.Name)
		}
	}
	if n > len(sh.listed) || slices.Contains(sh.listed, arg) {
		return err
	}
	return sh.enter(ctx, sh.listed[n-1])
}

// connectPID goes to the program of that name or pid: where the address has the
// host's name, HOST.PID is found by PID if no other host has one.
func (sh *shell) connectPID(ctx context.Context, arg string) error {
	if _, err := strconv.Atoi(arg); err == nil {
		list, _ := sh.config.Live(ctx, "")
		var found []string
		for _, s := range list {
			if s.Name == arg {
				found = []string{arg}
				break
			}
			if strings.HasSuffix(s.Name, "."+arg) {
				found = append(found, s.Name)
			}
		}
		switch {
		case len(found) == 1:
			arg = found[0]
		case len(found) > 1:
			return usagef("several programs have the pid %s, say which: %s", arg, strings.Join(found, ", "))
		}
	}
	return sh.enter(ctx, arg)
}

// enter goes to the program of that name.
func (sh *shell) enter(ctx context.Context, name string) error {
	if _, err := sh.dial(ctx, name); err != nil {
		return err
	}
	sh.cwd = "/" + name
	return nil
}

// connectOnly goes to the one program that runs.
func (sh *shell) connectOnly(ctx context.Context) error {
	list, err := sh.config.Servers(ctx)
	live := slices.DeleteFunc(slices.Clone(list), func(s client.Server) bool { return s.Err != nil })
	switch {
	case len(live) == 1:
		return sh.enter(ctx, live[0].Name)
	case len(live) > 1:
		return usagef("several programs run, say which (connect PID): %s", usable(live))
	case err != nil:
		return err
	case len(list) == 1:
		return within(list[0].Name, list[0].Err)
	}
	return unreachablef("no program listens at %s", at(sh.config))
}
