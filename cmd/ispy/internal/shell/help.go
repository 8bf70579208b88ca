package shell

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/internal/nearest"
)

// topics are what help tells beside commands.
var topics = []struct{ name, doc, text string }{
	{"language", "what command lines are made of", `
The language is that of sh: pipes, redirection, variables, $(...), for, while, if,
functions, here-documents. Paths and patterns (http/*) are of the programs.

  cat runtime/stacks | head
  echo gc > runtime/ctl
  for f in process/*id; do echo $f $(cat $f); done

A command word is, in this order: a command of ispy (help lists them) or of sh; a
verb of the file ctl in the directory one is in; a file there, which is printed; a
program of this machine, with pipes: cat README | sort.

A line that begins with a verb of the ctl file takes its arguments as they stand:
insert main.(*Server).order needs no quotes. Only what stands apart keeps its
meaning, as in: insert main.order ; list > local:probes

What runs in the background (COMMAND &) ends with ispy. There is no job control
(jobs, fg), no trap of a signal, no file descriptor but 0, 1 and 2, and there are
no patterns of local files. Programs of this machine, mkdir and rm among them, work
in the directory that ispy was started in.
`},
	{"paths", "where files are", `
/                the programs, by pid (HOST.PID where their address has the host's name)
/14905           the tree of one
/14905/README    what each of its files is
runtime/gc       relative to the directory one is in (pwd)
local:PATH       the local disk, relative to where ispy was started: it stands in
                 redirections and arguments, cat profile > local:cpu.pb.gz
/dev/null        and the like are local too

As in sh, what > names is there, and empty, before its command runs, and stays if
that fails or is stopped.

local: is a prefix, not a directory, so that no program's name can hide it and no
pattern (cp -r * ...) runs into it.

Programs of this machine see the local disk alone: what they are to read of a
program comes through a pipe.
`},
	{"files", "what the files of a program do", `
A file that is listed is cheap to read and changes nothing. What costs is not
listed, but found: README tells of it. A file ctl lists its verbs when read, and
runs them when written, one a line. NAME.json is what NAME shows, as JSON.

  ls -l
  grep -i gc README
  cat runtime/ctl
`},
	{"keys", "keys on a terminal", `
Tab        complete commands, paths, verbs and their arguments
Ctrl-R     search the history
Ctrl-C     stop the command that runs, or drop the line
Ctrl-D     on an empty line: exit
Ctrl-A, Ctrl-E, Ctrl-K, Ctrl-Y, Alt-B, Alt-F ...   as in emacs and bash
`},
	{"codes", "exit codes", `
0  done
1  failed
2  wrong command line, configuration or command
3  no such program, or not to be reached
4  not allowed
5  no answer in time
6  with -all: some of the programs failed
130 interrupted

grep and diff answer 1 where nothing was found, or something differs.
`},
}

func topicNames() string {
	var names []string
	for _, t := range topics {
		names = append(names, t.name)
	}
	return strings.Join(names, ", ")
}

// help lists the commands, or tells of one.
func (sh *Shell) help(ctx context.Context, c *verb.Call) error {
	switch len(c.Args) {
	case 0:
		_, err := fmt.Fprint(c.Stdout, sh.overview(ctx, c))
		return err
	case 1:
		text, err := sh.about(ctx, c, c.Args[0])
		if err == nil {
			_, err = fmt.Fprint(c.Stdout, text)
		}
		return err
	}
	return c.WrongUse()
}

// Commands has a line for each command.
func (sh *Shell) Commands() string {
	var b strings.Builder
	for _, v := range sh.verbs {
		entry(&b, v.Form(), v.Doc)
	}
	return b.String()
}

// entry is a line of a list; what is too long for its column has a line of its
// own.
func entry(b *strings.Builder, form, doc string) {
	const column = 26
	if len(form) > column {
		fmt.Fprintf(b, "  %s\n", form)
		form = ""
	}
	fmt.Fprintf(b, "  %-*s %s\n", column, form, doc)
}

func (sh *Shell) overview(ctx context.Context, c *verb.Call) string {
	var b strings.Builder
	b.WriteString("Commands:\n" + sh.Commands())
	if verbs, _ := sh.opts.Space.Ctl(ctx, c.Dir); len(verbs) > 0 {
		b.WriteString("\nVerbs of ctl here:\n")
		for _, v := range verbs {
			entry(&b, strings.TrimSpace(v.Name+" "+v.Args), v.Doc)
		}
	}
	if program, in := space.Split(c.Dir); in != "" {
		entries, _ := sh.opts.Space.ReadDir(ctx, c.Dir)
		if len(entries) > 0 {
			b.WriteString("\nFiles here, printed by their names (ls -l tells more):\n ")
			for _, e := range entries[:min(len(entries), 100)] {
				b.WriteString(" " + e.Name())
			}
			b.WriteString("\n")
		}
	} else if program != "" {
		b.WriteString("\nFiles: README, or ls -l, has a line for each.\n")
	} else {
		b.WriteString("\nBegin with connect, which goes to the program that runs (servers lists them).\n")
	}
	b.WriteString("\nTopics:\n")
	for _, t := range topics {
		entry(&b, t.name, t.doc)
	}
	b.WriteString("\nhelp NAME tells of a command, a verb or file here, or a topic.\n")
	return b.String()
}

func (sh *Shell) about(ctx context.Context, c *verb.Call, name string) (string, error) {
	if w := sh.words[name]; w != nil {
		return w.Help(), nil
	}
	for _, t := range topics {
		if t.name == name {
			return t.name + ": " + t.doc + "\n" + t.text, nil
		}
	}
	names := []string{}
	verbs, _ := sh.opts.Space.Ctl(ctx, c.Dir)
	for _, v := range verbs {
		if v.Name == name {
			return fmt.Sprintf("%s: %s\n\nA verb of %s.\n", strings.TrimSpace(v.Name+" "+v.Args), v.Doc, path.Join(c.Dir, "ctl")), nil
		}
		names = append(names, v.Name)
	}
	if doc := sh.opts.Space.Doc(ctx, c.Path(name)); doc.Text != "" {
		return fmt.Sprintf("%s: %s\n\nA file of the kind %s.\n", c.Path(name), doc.Text, doc.Kind), nil
	}
	if text := sh.elsewhere(ctx, c, name); text != "" {
		return text, nil
	}
	for _, v := range sh.verbs {
		names = append(names, v.Name)
	}
	for _, t := range topics {
		names = append(names, t.name)
	}
	slices.Sort(names)
	return "", verb.Usagef("there is nothing about %s%s; help lists what there is", name, nearest.Hint(name, names))
}

// elsewhere tells of a verb of other directories of the program, "" where there
// is none.
func (sh *Shell) elsewhere(ctx context.Context, c *verb.Call, name string) string {
	var b strings.Builder
	for _, dir := range plugins(ctx, c) {
		verbs, _ := sh.opts.Space.Ctl(ctx, dir)
		for _, v := range verbs {
			if v.Name == name {
				fmt.Fprintf(&b, "%s: %s\n\nA verb of %s: it is a command in %s.\n", strings.TrimSpace(v.Name+" "+v.Args), v.Doc, path.Join(dir, "ctl"), dir)
			}
		}
	}
	return b.String()
}

// plugins are the directories at the top of the program one is in.
func plugins(ctx context.Context, c *verb.Call) (dirs []string) {
	program, _ := space.Split(c.Dir)
	if program == "" {
		return nil
	}
	entries, _ := c.Space.ReadDir(ctx, "/"+program)
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, path.Join("/"+program, e.Name()))
		}
	}
	return dirs
}
