// Ispy is a shell over the trees of running programs that embed ispyd: for each
// program a directory, named by its process id.
//
//	ispy ispyd.toml
//	ispy -c 'cat /14905/runtime/stacks' ispyd.toml
//
// See ispy -h.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/cli"
	"github.com/ispyd/ispyd/internal/nearest"
)

const helpPage = `usage: ispy [flags] [CONFIG]

Ispy shows what running programs publish of themselves as files: each program is
a directory /PID (/HOST.PID where the address has the host's name).

  $ ispy ispyd.toml                              type commands
  $ ispy -c 'ls -l /14905/runtime' ispyd.toml    run some and leave
  $ ispy -p 14905 -c 'cat runtime/stacks' | less
  $ ispy -p 14905 -c 'echo gc > runtime/ctl'
  $ echo servers | ispy ispyd.toml

CONFIG is the file that the programs read themselves (ispyd.toml), the path of
one socket, or host:port. Without it, it is $ISPYD_CONFIG, ./ispyd.toml,
~/.config/ispyd/ispyd.toml or /etc/ispyd.toml. Where nothing is typed or given
to run, ispy lists the programs.

Flags, with one dash or two:
%s
Commands are separated by ; or new lines. Words hold blanks in '' or "", or
behind \; # begins a comment.

%s
Exit codes are those of the last command: 0 done; 1 failed; 2 wrong command line,
configuration or command; 3 no such program, or not to be reached; 4 not allowed;
5 no answer in time.
`

// options are what the command line says.
type options struct {
	script    string
	hasScript bool
	program   string
	root      string
	timeout   time.Duration
	config    string
}

func main() {
	os.Exit(command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// command runs ispy and returns its exit code.
func command(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o options
	flags := pflag.NewFlagSet("ispy", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SortFlags = false
	flags.StringVarP(&o.script, "command", "c", "", "run the commands in `SCRIPT` and leave")
	flags.StringVarP(&o.program, "pid", "p", "", "connect to the program `PID` first")
	flags.StringVar(&o.root, "root", "", "look for sockets beneath `DIR`, as /proc/PID/root of another container")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Second, "give a program `TIME` to answer")
	version := flags.Bool("version", false, "print the version")
	page := flags.BoolP("help", "h", false, "print this page")

	err := flags.Parse(cli.TwoDashes(flags, args))
	switch {
	case err != nil:
		err = nearFlag(flags, args, err)
	case *page:
		fmt.Fprintf(stdout, helpPage, cli.Describe(flags), commandList())
		return exitOK
	case *version:
		fmt.Fprintln(stdout, cli.Version("ispy"))
		return exitOK
	case flags.NArg() > 1:
		err = fmt.Errorf("one configuration is wanted, %d are given; commands follow -c", flags.NArg())
	case o.timeout <= 0:
		err = fmt.Errorf("-timeout %v: must be more than 0", o.timeout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "ispy: %v\nusage: ispy [flags] [CONFIG] (-h for help)\n", err)
		return exitUsage
	}
	o.config = flags.Arg(0)
	o.hasScript = flags.Changed("command")
	config, err := loadConfig(o)
	if err != nil {
		fmt.Fprintf(stderr, "ispy: %v\n", err)
		if errors.Is(err, fs.ErrPermission) {
			return exitDenied
		}
		return exitUsage
	}
	return run(o, config, stdin, stdout, stderr)
}

// nearFlag adds to the error about an unknown flag which one may have been
// meant. An unknown long flag with one dash pflag takes for short ones.
func nearFlag(flags *pflag.FlagSet, args []string, err error) error {
	if !strings.Contains(err.Error(), "unknown") {
		return err
	}
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && len(name) > 1 && flags.Lookup(name) == nil && strings.Contains(err.Error(), arg) {
			return fmt.Errorf("unknown flag -%s%s", name, nearest.Hint(name, names))
		}
		if strings.HasPrefix(arg, "-") && len(name) > 1 && strings.HasSuffix(err.Error(), " in "+arg) {
			return fmt.Errorf("unknown flag -%s%s", name, nearest.Hint(name, names))
		}
	}
	return err
}

func loadConfig(o options) (*client.Config, error) {
	if o.config == "" {
		var err error
		if o.config, err = client.DefaultConfig(); err != nil {
			return nil, fmt.Errorf("%w; name one, or a socket, or host:port", err)
		}
	}
	config, err := client.Load(o.config, o.root)
	if err != nil {
		return nil, err
	}
	config.Timeout = min(config.Timeout, o.timeout)
	return config, nil
}
