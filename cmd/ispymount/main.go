// Ispymount shows the trees of running programs that embed ispyd as files: for
// each program a directory, named by its process id.
//
//	ispymount ispyd.toml /mnt/ispyd &
//	cat /mnt/ispyd/1234/runtime/goroutines
//
// See ispymount -h.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/cli"
)

// The exit codes, as the help page lists them.
const (
	exitOK    = 0 // unmounted, as asked
	exitError = 1 // not mounted, or the mount was lost
	exitUsage = 2 // the command line or the configuration is wrong
)

const help = `usage: ispymount [flags] [CONFIG] MOUNTPOINT

Ispymount shows each running program that CONFIG's address matches as a
directory MOUNTPOINT/PID (MOUNTPOINT/HOST.PID where the address has the host's
name). Programs appear when they start and go when they end.

  $ ispymount ispyd.toml /mnt/ispyd &
  $ ls /mnt/ispyd
  $ cat /mnt/ispyd/1234/runtime/stacks
  $ echo gc > /mnt/ispyd/1234/runtime/ctl
  $ fusermount3 -u /mnt/ispyd

CONFIG is the file that the programs read themselves (ispyd.toml), the path of
one socket, or host:port. Without it, it is $ISPYD_CONFIG, ./ispyd.toml,
~/.config/ispyd/ispyd.toml or /etc/ispyd.toml.

MOUNTPOINT is an empty directory. One that is missing is created, if its parent
exists, and removed at the end. What an ispymount that was killed has left there
is cleared away.

Ispymount stays in the foreground, prints one line when the files are there, and
unmounts on SIGINT (Ctrl-C), SIGTERM and SIGHUP; also when files are open, then
it says so. From elsewhere it is ended by fusermount3 -u MOUNTPOINT, by root
with umount MOUNTPOINT.

Flags, with one dash or two:
%s
Looking a file up takes a snapshot of it: its size is exact, and its content does
not change while it is read. Whoever looks again within a second gets the same
one, unless something was written to the program meanwhile. Each program's
README says what there is. Names that cost, such as runtime/goroutines.full, are
not listed, but can be read; Ctrl-C ends what they do.

Only the user who mounts gets in, unless -allow-other is given.

Exit codes: 0 unmounted as asked; 1 not mounted, or lost; 2 wrong command line or
configuration.
`

func main() {
	os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
}

// command runs ispymount and returns its exit code.
func command(args []string, stdout, stderr io.Writer) int {
	opts := options{timeout: 5 * time.Second, times: defaultTimes}
	flags := pflag.NewFlagSet("ispymount", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SortFlags = false
	flags.BoolVar(&opts.allowOther, "allow-other", false, "let other users in, as far as the files' modes do")
	flags.StringVar(&opts.root, "root", "", "look for sockets beneath `DIR`, as /proc/PID/root of another container")
	flags.DurationVar(&opts.timeout, "timeout", opts.timeout, "give a program `TIME` to answer")
	memory := flags.Int64("memory", 256, "the most snapshots to hold, in `MIB`")
	flags.BoolVar(&opts.debug, "debug", false, "log each request of the kernel to standard error")
	version := flags.Bool("version", false, "print the version")
	page := flags.BoolP("help", "h", false, "print this page")

	usage := func(format string, a ...any) int {
		fmt.Fprintf(stderr, "ispymount: "+format+"\nusage: ispymount [flags] [CONFIG] MOUNTPOINT (-h for help)\n", a...)
		return exitUsage
	}
	switch err := flags.Parse(cli.TwoDashes(flags, args)); {
	case err != nil:
		return usage("%v", err)
	case *page:
		fmt.Fprintf(stdout, help, cli.Describe(flags))
		return exitOK
	case *version:
		fmt.Fprintln(stdout, cli.Version("ispymount"))
		return exitOK
	case flags.NArg() < 1 || flags.NArg() > 2:
		return usage("%d arguments given: a configuration and a directory are needed", flags.NArg())
	case opts.timeout <= 0:
		return usage("-timeout %v: must be more than 0", opts.timeout)
	case *memory <= 0:
		return usage("-memory %d: must be more than 0", *memory)
	}
	opts.memory = *memory << 20
	opts.config, opts.mountpoint = flags.Arg(0), flags.Arg(flags.NArg()-1)
	if flags.NArg() == 1 {
		var err error
		if opts.config, err = client.DefaultConfig(); err != nil {
			return usage("%v", err)
		}
	}
	return run(opts, stdout, stderr)
}
