package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// verb is one command of ispy.
type verb struct {
	name, args, doc string
	// more is what help NAME says beside that.
	more string
	run  func(sh *shell, ctx context.Context, args []string) error
}

// verbs is the table that parsing, help and the help page are made from.
var verbs []verb

func init() { // not in the declaration: help itself shows the table
	verbs = []verb{
		{"servers", "", "list the programs, live and stale", `
Each line has a number for connect, the program's name (its pid), socket,
command, age, and what the kernel says of it: running, stopped, throttled...

  servers
`, servers},
		{"connect", "[N|PID]", "go to a program: by its number in servers, or its pid", `
Without an argument it goes to the one program that runs.

  connect 1
  connect 14905
`, connect},
		{"ls", "[-l] [PATH...]", "list directories; with -l sizes and what each file is", `
Names that cost, such as runtime/goroutines.full, are not listed; README tells of them.

  ls /14905
  ls -l runtime
`, ls},
		{"cat", "PATH...", "print files", `
Ctrl-C ends it, and at the program what it waits for.

  cat /14905/runtime/version
  cat runtime/stacks process/cwd
`, cat},
		{"echo", "[TEXT...] [> PATH]", "print text, or write it to a file as one command", `
  echo gc > runtime/ctl
  echo 50 > /14905/runtime/settings/gogc
`, echo},
		{"cd", "[PATH]", "change the directory; without PATH to the top", `
  cd /14905/runtime
  cd ..
`, cd},
		{"pwd", "", "print the directory", `
  pwd
`, pwd},
		{"help", "[COMMAND]", "list the commands, or tell more of one", `
  help cat
`, help},
		{"exit", "", "leave the program, or at the top leave ispy", `
  exit
`, exit},
	}
}

func lookup(name string) (verb, bool) {
	i := slices.IndexFunc(verbs, func(v verb) bool { return v.name == name })
	if i < 0 {
		return verb{}, false
	}
	return verbs[i], true
}

func commandNames() []string {
	var names []string
	for _, v := range verbs {
		names = append(names, v.name)
	}
	return names
}

// commandList has a line for each command.
func commandList() string {
	var b strings.Builder
	for _, v := range verbs {
		fmt.Fprintf(&b, "  %-26s %s\n", strings.TrimSpace(v.name+" "+v.args), v.doc)
	}
	return b.String()
}

// usage is the error of a command that was given the wrong arguments.
func (v verb) usage() error {
	return usagef("%s: the form is: %s", v.name, strings.TrimSpace(v.name+" "+v.args))
}

func wrongUse(name string) error {
	v, _ := lookup(name)
	return v.usage()
}

func help(sh *shell, _ context.Context, args []string) error {
	switch len(args) {
	case 0:
		_, err := fmt.Fprintf(sh.stdout, "%s\nhelp COMMAND tells more. The README of each program lists its files: cat README\n", commandList())
		return err
	case 1:
		v, ok := lookup(args[0])
		if !ok {
			return usagef("help: there is no command %s; help lists them", args[0])
		}
		_, err := fmt.Fprintf(sh.stdout, "%s: %s\n%s", strings.TrimSpace(v.name+" "+v.args), v.doc, v.more)
		return err
	}
	return wrongUse("help")
}

// exit leaves the program, and at the top ispy.
func exit(sh *shell, _ context.Context, args []string) error {
	if len(args) > 0 {
		return wrongUse("exit")
	}
	if sh.cwd == "/" {
		sh.done = true
	}
	sh.cwd = "/"
	return nil
}
