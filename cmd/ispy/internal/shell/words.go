package shell

import (
	"context"
	"fmt"
	"path"
	"slices"
	"syscall"

	"github.com/spf13/pflag"
	"mvdan.cc/sh/v3/interp"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
)

// word is a command of ispy. One that goes to another place has move, which says
// where to, in place of running anything.
type word struct {
	*verb.Verb
	move func(ctx context.Context, c *verb.Call) (dir string, err error)
}

// makeWords makes the table of the commands: the shell's own words first.
func (sh *Shell) makeWords() {
	own := []verb.Verb{
		{Name: "servers", Args: "[-clean]", Doc: "list the programs, live and stale",
			More: `Each line has a number for connect, the program's name (its pid), socket,
command, age, and what the kernel says of it: running, stopped, throttled.
A stale socket is one that a killed program left; -clean removes those.`,
			Examples: []string{"servers", "servers -clean"}, Flags: sh.servers},
		{Name: "connect", Args: "[PROGRAM]", Doc: "go to a program: by its number in servers, or its pid",
			More: `Without an argument it goes to the one program that runs. Where the program
that one is in has gone, it goes to its successor: the one that runs the
same command.`,
			Examples: []string{"connect", "connect 1"}},
		{Name: "plugins", Doc: "list the plugins of the program, with what each shows",
			Examples: []string{"plugins"}, Flags: verb.Plain(sh.plugins)},
		{Name: "shell", Args: "PLUGIN", Doc: "go into a plugin, whose verbs and files are then commands; !NAME is short for it",
			More: `Inside, a verb of the plugin's ctl file is a command, whose arguments are
taken as they stand, and the name of a file prints the file. exit leaves it.`,
			Examples: []string{"shell process", "!process"}},
		{Name: "cd", Args: "[DIR]", Doc: "change the directory; without DIR to the top, with - back",
			Examples: []string{"cd runtime", "cd ..", "cd"}},
		{Name: "exit", Args: "[CODE]", Doc: "leave the plugin, then the program, then ispy; with CODE leave ispy",
			More: `With CODE, or as a part of another command (cd http || exit), it is that of
sh, and ends the commands.`,
			Examples: []string{"exit"}},
		{Name: "prompt", Args: "on|off", Doc: "show the prompt or not",
			Examples: []string{"prompt off", "prompt on"}, Flags: verb.Plain(sh.prompt)},
		{Name: "help", Args: "[TOPIC]", Doc: "list the commands; or tell of one, of a verb or file here, or of a topic",
			More:     "The topics are " + topicNames() + ".",
			Examples: []string{"help", "help cat", "help paths"}, Flags: verb.Plain(sh.help)},
	}
	moves := map[string]func(context.Context, *verb.Call) (string, error){
		"connect": sh.connect, "shell": sh.enter, "cd": sh.chdir, "exit": sh.leave,
	}
	own = append(own, oldWords()...)
	sh.words = map[string]*word{}
	for _, list := range [][]verb.Verb{own, sh.opts.Verbs} {
		for i := range list {
			v := &list[i]
			w := &word{Verb: v, move: moves[v.Name]}
			if v.Flags == nil {
				v.Flags = verb.Plain(func(context.Context, *verb.Call) error { return nil })
			}
			sh.words[v.Name] = w
			sh.verbs = append(sh.verbs, v)
		}
	}
}

// moveTo makes the interpreter's cd of a word that goes to another place.
func (sh *Shell) moveTo(ctx context.Context, hc interp.HandlerContext, w *word, args []string) []string {
	c := sh.newCall(ctx, hc)
	c.Verb, c.Args = w.Verb, args[1:]
	if w.Name == "exit" && (len(c.Args) > 0 || !sh.plainExit()) {
		return args
	}
	dir, err := w.move(ctx, c)
	switch {
	case err != nil:
		c.Warn(err)
		return []string{statusWord, fmt.Sprint(verb.ExitCode(err))}
	case dir == "":
		return []string{"exit"}
	}
	return []string{"cd", dir}
}

// chdir goes to a directory that is there.
func (sh *Shell) chdir(ctx context.Context, c *verb.Call) (string, error) {
	switch {
	case len(c.Args) == 0:
		return "/", nil
	case len(c.Args) > 1:
		return "", c.WrongUse()
	case c.Args[0] == "-":
		if c.Getenv("OLDPWD") == "" {
			return "", verb.Usagef("there is no directory to go back to")
		}
		return "-", nil
	}
	abs := c.Path(c.Args[0])
	if _, ok := space.Local(abs); ok {
		return "", verb.Usagef("%s: one cannot be there; programs of this machine run where ispy was started", abs)
	}
	info, err := sh.opts.Space.Stat(ctx, abs)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", &client.Error{Op: "walk", Path: abs, Errno: syscall.ENOTDIR, Text: "is a file; cat prints it"}
	}
	return abs, nil
}

// enter goes into a plugin.
func (sh *Shell) enter(ctx context.Context, c *verb.Call) (string, error) {
	if len(c.Args) != 1 {
		return "", c.WrongUse()
	}
	program, _ := space.Split(c.Dir)
	if program == "" {
		return "", verb.Usagef("no program is chosen; connect goes to one")
	}
	return sh.chdir(ctx, &verb.Call{Verb: c.Verb, Args: []string{path.Join("/", program, c.Args[0])}, Dir: c.Dir, Space: c.Space, Getenv: c.Getenv})
}

// leave goes one level up: plugin, program, top, and out, which is "".
func (sh *Shell) leave(_ context.Context, c *verb.Call) (string, error) {
	switch program, in := space.Split(c.Dir); {
	case in != "":
		return "/" + program, nil
	case program != "":
		return "/", nil
	}
	return "", nil
}

// plugins prints what the tree says of its plugins.
func (sh *Shell) plugins(ctx context.Context, c *verb.Call) error {
	if len(c.Args) > 0 {
		return c.WrongUse()
	}
	program, _ := space.Split(c.Dir)
	if program == "" {
		return verb.Usagef("no program is chosen; connect goes to one")
	}
	in, err := c.Open(ctx, path.Join("/", program, "plugins"))
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = in.WriteTo(c.Stdout)
	return err
}

// prompt turns the prompt on and off.
func (sh *Shell) prompt(_ context.Context, c *verb.Call) error {
	if len(c.Args) != 1 || !slices.Contains([]string{"on", "off"}, c.Args[0]) {
		return c.WrongUse()
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.noPrompt = c.Args[0] == "off"
	return nil
}

// Prompt is (ispyd), (ispyd:14905) in a program's tree, (process:14905) in a
// plugin, and says when the program has gone.
func (sh *Shell) Prompt() string {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.noPrompt {
		return ""
	}
	program, in := space.Split(sh.dir)
	if program == "" {
		return "(ispyd) "
	}
	if in == "" {
		in = "ispyd"
	}
	if sh.opts.Space.Gone(program) {
		program += " gone"
	}
	return "(" + in + ":" + program + ") "
}

// noArgs is for Flags of a verb that has none and takes no arguments.
func noArgs(run verb.Run) func(*pflag.FlagSet) verb.Run {
	return verb.Plain(func(ctx context.Context, c *verb.Call) error {
		if len(c.Args) > 0 {
			return c.WrongUse()
		}
		return run(ctx, c)
	})
}
