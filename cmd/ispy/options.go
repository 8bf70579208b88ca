package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/internal/cli"
	"github.com/ispyd/ispyd/internal/nearest"
)

// options are what the command line says.
type options struct {
	script     string // of -c or -f
	scriptName string // the file of -f
	hasScript  bool
	program    string
	all        bool
	deadline   time.Duration
	json       bool
	root       string
	timeout    time.Duration
	completion string
	version    bool
	help       bool
	configs    []string
}

// shells are those that there are completion scripts for.
var shells = []string{"bash", "zsh", "fish"}

func flagSet(o *options, file *string) *pflag.FlagSet {
	flags := pflag.NewFlagSet("ispy", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.SortFlags = false
	flags.StringVarP(&o.script, "command", "c", "", "run the commands in `SCRIPT` and leave")
	flags.StringVarP(file, "file", "f", "", "run the commands in `FILE` and leave; - is the standard input")
	flags.StringVarP(&o.program, "pid", "p", "", "connect to the program `PID` first")
	flags.BoolVarP(&o.all, "all", "a", false, "run the commands in every program at once, each line of output after its name")
	flags.DurationVar(&o.deadline, "deadline", time.Minute, "with -all: give each program `TIME` for all of the commands")
	flags.BoolVarP(&o.json, "json", "j", false, "print files as JSON where they have a .json twin; with -all one object a program")
	flags.StringVar(&o.root, "root", "", "look for sockets beneath `DIR`, as /proc/PID/root of another container")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Second, "give a program `TIME` to answer")
	flags.StringVar(&o.completion, "completion", "", "print the completion script for `SHELL`: "+strings.Join(shells, ", "))
	flags.BoolVar(&o.version, "version", false, "print the version")
	flags.BoolVarP(&o.help, "help", "h", false, "print this page")
	return flags
}

func parse(args []string) (options, error) {
	var o options
	var file string
	flags := flagSet(&o, &file)
	if err := flags.Parse(cli.TwoDashes(flags, args)); err != nil {
		return o, nearFlag(flags, args, err)
	}
	o.configs = flags.Args()
	o.hasScript = flags.Changed("command")
	switch {
	case o.help || o.version:
		return o, nil
	case flags.Changed("completion") && !slices.Contains(shells, o.completion):
		return o, fmt.Errorf("-completion %s: there is one for %s", o.completion, strings.Join(shells, ", "))
	case o.timeout <= 0:
		return o, fmt.Errorf("-timeout %v: must be more than 0", o.timeout)
	case o.deadline <= 0:
		return o, fmt.Errorf("-deadline %v: must be more than 0", o.deadline)
	case flags.Changed("deadline") && !o.all:
		return o, errors.New("-deadline is for -all")
	case o.hasScript && file != "":
		return o, errors.New("-c and -f exclude each other")
	case flags.Changed("pid") && o.program == "":
		return o, errors.New("-p: the pid is empty")
	case o.all && o.program != "":
		return o, errors.New("-all and -p exclude each other")
	}
	if file != "" {
		text, err := readScript(file)
		if err != nil {
			return o, fmt.Errorf("-f: %w", err)
		}
		o.script, o.scriptName, o.hasScript = string(text), file, true
	}
	return o, nil
}

// readScript reads the file of -f; "-" is the standard input.
func readScript(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file)
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
		if strings.HasPrefix(arg, "-") && len(name) > 1 && flags.Lookup(name) == nil &&
			(strings.Contains(err.Error(), arg) || strings.HasSuffix(err.Error(), " in "+arg)) {
			return fmt.Errorf("unknown flag -%s%s", name, nearest.Hint(name, names))
		}
	}
	return err
}
