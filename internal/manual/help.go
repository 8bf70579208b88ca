package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// program is what the help page of a program says.
type program struct {
	Name  string
	Page  string // all of it
	Forms string // what follows "usage: NAME"
	Flags []flagDoc
}

// flagDoc is one flag: "-c, -command", "SCRIPT", "run the commands in SCRIPT".
type flagDoc struct {
	Names []string
	Arg   string
	Doc   string
}

// command is what help tells of a command of ispy.
type command struct {
	Form, Doc string
	Flags     []flagDoc
	More      string
	Examples  []string
}

// topic is what help tells of something else.
type topic struct {
	Name, Doc, Text string
}

var (
	flagLine = regexp.MustCompile(`^  (-\w, )?(-[\w-]+)( +)(\S.*)$`)
	// typeName is what package pflag calls an argument that has no name.
	typeName = regexp.MustCompile(`^(strings?|u?ints?|float|duration|count)$`)
)

// parseFlags reads a list of flags, a line each. One blank is between a name and
// its argument, and also between both and the text where they fill their column. An
// argument is a word that the text has, too, for there pflag found it.
func parseFlags(block string) ([]flagDoc, error) {
	var flags []flagDoc
	for line := range strings.Lines(block) {
		m := flagLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			return nil, fmt.Errorf("no line about a flag: %q", line)
		}
		f := flagDoc{Names: []string{m[2]}, Doc: m[4]}
		if m[1] != "" {
			f.Names = []string{strings.TrimSuffix(m[1], ", "), m[2]}
		}
		arg, doc, _ := strings.Cut(m[4], " ")
		if m[3] == " " && (typeName.MatchString(arg) || hasWord(doc, arg)) {
			f.Arg, f.Doc = arg, strings.TrimSpace(doc)
		}
		flags = append(flags, f)
	}
	return flags, nil
}

func hasWord(text, word string) bool {
	return slices.ContainsFunc(strings.Fields(text), func(w string) bool { return strings.Trim(w, ",.;:()") == word })
}

// parseProgram reads the page that -h prints.
func parseProgram(name, page string) (p program, err error) {
	p.Name, p.Page = name, page
	first, _, _ := strings.Cut(page, "\n")
	var ok bool
	if p.Forms, ok = strings.CutPrefix(first, "usage: "+name+" "); !ok {
		return p, fmt.Errorf("%s -h begins with %q", name, first)
	}
	_, rest, ok := strings.Cut(page, "\nFlags, with one dash or two:\n")
	if !ok {
		return p, fmt.Errorf("%s -h lists no flags:\n%s", name, page)
	}
	list, _, _ := strings.Cut(rest, "\n\n")
	p.Flags, err = parseFlags(list)
	return p, err
}

// parseOverview reads the names of the commands and the topics that help lists.
func parseOverview(text string) (commands, topics []string) {
	var list *[]string
	for line := range strings.Lines(text) {
		switch line = strings.TrimRight(line, "\n"); {
		case line == "Commands:":
			list = &commands
		case line == "Topics:":
			list = &topics
		case !strings.HasPrefix(line, "  "):
			list = nil
		case list != nil && !strings.HasPrefix(line, "   "):
			*list = append(*list, strings.Fields(line)[0])
		}
	}
	return commands, topics
}

const examplesHead = "For example:\n"

// parseCommand reads what help NAME prints of a command.
func parseCommand(text string) (c command, err error) {
	head, rest, _ := strings.Cut(strings.TrimRight(text, "\n"), "\n\n")
	var ok bool
	if c.Form, c.Doc, ok = strings.Cut(head, ": "); !ok || strings.Contains(head, "\n") {
		return c, fmt.Errorf("help of a command begins with %q", head)
	}
	rest, examples, ok := cutLast(rest, examplesHead)
	if !ok {
		return c, fmt.Errorf("%s: its help has no example", c.Form)
	}
	for line := range strings.Lines(examples) {
		c.Examples = append(c.Examples, strings.TrimSpace(line))
	}
	if strings.HasPrefix(rest, "  -") {
		var list string
		list, rest, _ = strings.Cut(rest, "\n\n")
		if c.Flags, err = parseFlags(strings.TrimRight(list, "\n")); err != nil {
			return c, fmt.Errorf("%s: %w", c.Form, err)
		}
	}
	c.More = strings.Trim(rest, "\n")
	return c, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// parseTopic reads what help NAME prints of a topic; ok is false where that is
// something else, because a command has the same name.
func parseTopic(name, text string) (t topic, ok bool) {
	head, rest, _ := strings.Cut(text, "\n\n")
	doc, ok := strings.CutPrefix(head, name+": ")
	return topic{name, doc, strings.Trim(rest, "\n")}, ok
}
