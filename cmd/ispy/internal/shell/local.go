package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// killDelay is what an interrupted program of this machine has to end.
const killDelay = 2 * time.Second

// local runs a program of this machine, in the directory that ispy was started in.
func (sh *Shell) local(ctx context.Context, hc interp.HandlerContext, c *verb.Call, args []string) int {
	cwd, err := os.Getwd()
	if err != nil {
		cwd = "/"
	}
	file, err := interp.LookPathDir(cwd, hc.Env, args[0])
	if err != nil {
		err := sh.unknown(ctx, hc.Dir, args[0])
		fmt.Fprintln(hc.Stderr, verb.Message("", err))
		return verb.ExitCode(err)
	}
	cmd := exec.CommandContext(ctx, file, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Dir = cwd
	cmd.Env = exported(hc.Env, cwd)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = hc.Stdin, hc.Stdout, hc.Stderr
	cmd.WaitDelay = killDelay
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if c.Terminal != nil {
		// It may choose to go on, as less does.
		cmd.WaitDelay = 0
	}
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return verb.OK
	case errors.As(err, &exit):
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return 128 + int(ws.Signal())
		}
		return exit.ExitCode()
	case ctx.Err() != nil:
		return verb.ExitCode(context.Cause(ctx))
	case brokenPipe(err):
		return 128 + int(syscall.SIGPIPE)
	}
	fmt.Fprintf(hc.Stderr, "ispy: %s: %v\n", args[0], err)
	return verb.Failed
}

// exported is the environment of a program: PWD is where it runs.
func exported(env expand.Environ, cwd string) []string {
	var list []string
	for name, v := range env.Each {
		if v.Exported && v.Kind == expand.String && name != "PWD" && name != "OLDPWD" && !strings.Contains(name, "=") {
			list = append(list, name+"="+v.String())
		}
	}
	return append(list, "PWD="+cwd)
}
