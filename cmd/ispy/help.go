package main

import (
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/ispyd/ispyd/cmd/ispy/internal/shell"
	"github.com/ispyd/ispyd/internal/cli"
)

const helpText = `usage: ispy [flags] [CONFIG...]

Ispy shows what running programs publish of themselves as files, and lets you act
on them: a shell in which each program is a directory /PID.

  $ ispy ispyd.toml                              type commands, help lists them
  $ ispy -c 'connect; cat runtime/stacks'        run some and leave
  $ ispy -p 14905 -c 'echo gc > runtime/ctl'     in that program
  $ ispy -all -c 'cat runtime/version'           in every program at once
  $ ispy -p 14905 -json -c 'cat process/memory' | jq .
  $ echo servers | ispy ispyd.toml

CONFIG is the file that the programs read themselves (ispyd.toml), the path of
one socket, or host:port; there may be several. Without it, it is $ISPYD_CONFIG,
./ispyd.toml, ~/.config/ispyd/ispyd.toml or /etc/ispyd.toml. Where nothing is typed
or given to run, ispy lists the programs.

Flags, with one dash or two:
%s
Commands are in the language of sh; paths are those of the programs, local:PATH is
the local disk. What is no command of the list is a verb of the file ctl where one
is, a file there (which is printed), or a program of this machine:

%s
help COMMAND tells more of one. Unless they are typed, a connect, shell or cd that
fails ends the commands.

Exit codes are those of the last command: 0 done; 1 failed; 2 wrong command line,
configuration or command; 3 no such program, or not to be reached; 4 not allowed;
5 no answer in time; with -all 6: some of the programs failed.
`

func helpPage() string {
	var o options
	var file string
	sh, err := shell.New(shell.Options{Verbs: verbs()})
	if err != nil { // it has no input that could be wrong
		panic(err)
	}
	return fmt.Sprintf(helpText, cli.Describe(flagSet(&o, &file)), strings.TrimRight(sh.Commands(), "\n")+"\n")
}

// onlyHelp reports whether a script does nothing but help, perhaps through a pipe:
// that needs no program, and so no configuration.
func onlyHelp(script string) bool {
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil || len(file.Stmts) == 0 {
		return false
	}
	for _, stmt := range file.Stmts {
		cmd := stmt.Cmd
		for {
			pipe, ok := cmd.(*syntax.BinaryCmd)
			if !ok || pipe.Op != syntax.Pipe {
				break
			}
			cmd = pipe.X.Cmd
		}
		call, ok := cmd.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 || call.Args[0].Lit() != "help" {
			return false
		}
	}
	return true
}
