package nodes

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/ispyd/ispyd/internal/nearest"
)

// Verb is one command of a ctl file.
type Verb struct {
	// Name is the first word of the line: lower case.
	Name string
	// Args describes the arguments, for people, for completion and for the
	// check of their number: words separated by blanks, [x] for one that may
	// be left out, a final "..." for any number more. <functions> completes
	// from the file or directory of that name beside the ctl. A verb that
	// changes a setting ends with [for=DURATION], see [CutFor] and [Setting].
	Args string
	// Doc is one line: what the verb does.
	Doc string
	// Now returns what the verb has set, as it would be written, for verbs that
	// change a setting: reading the file shows it behind Doc. It is cheap and
	// never waits. May be nil.
	Now func() string
	// Run does it. args are the words after the verb. It should return soon
	// or when ctx ends; the client waits no longer than that.
	Run func(ctx context.Context, args []string) error
}

type ctl struct {
	base
	verbs []Verb
	help  *Snapshot // nil where it changes with what the verbs have set
}

// Ctl returns a file whose reading shows its verbs, a line each, verb, tab,
// arguments, tab, doc, and whose writing runs them, a command a line. Only the
// owner may read and write it. A write of nothing but blanks is fs.ErrInvalid; one of
// no bytes, as a shell makes of ": >ctl", does nothing.
func Ctl(name, doc string, verbs ...Verb) File {
	c := &ctl{base: base{name, doc}, verbs: verbs}
	if !slices.ContainsFunc(verbs, func(v Verb) bool { return v.Now != nil }) {
		c.help = c.shown()
	}
	return c
}

// shown is what reading shows.
func (c *ctl) shown() *Snapshot {
	if c.help != nil {
		return c.help
	}
	var b strings.Builder
	for _, v := range c.verbs {
		fmt.Fprintf(&b, "%s\t%s\t%s", v.Name, v.Args, v.Doc)
		if v.Now != nil {
			b.WriteString("; now " + v.Now())
		}
		b.WriteByte('\n')
	}
	s := NewSnapshot([]byte(b.String()))
	s.mtime = created
	return s
}

func (c *ctl) Attr() Attr {
	s := c.shown()
	return Attr{Kind: KindCtl, Mode: 0o600, Size: s.size, ModTime: s.mtime}
}

func (c *ctl) Open(_ context.Context, flags Flags) (Handle, error) {
	if flags&Write == 0 {
		return c.shown(), nil
	}
	return &commands{name: c.name, flags: flags, read: c.shown(), run: c.run, missing: "a verb is missing; read the file for them"}, nil
}

func (c *ctl) run(ctx context.Context, line string) error {
	words := strings.Fields(line)
	name, args := words[0], words[1:]
	i := slices.IndexFunc(c.verbs, func(v Verb) bool { return v.Name == name })
	if i < 0 {
		var names []string
		for _, v := range c.verbs {
			names = append(names, v.Name)
		}
		return Errorf(fs.ErrInvalid, "%s: unknown verb%s; the verbs are %s",
			printable(name), nearest.Hint(name, names), strings.Join(names, ", "))
	}
	v := c.verbs[i]
	if err := v.checkArgs(args); err != nil {
		return err
	}
	return v.Run(ctx, args)
}

// checkArgs holds the number of arguments against what Args describes.
func (v Verb) checkArgs(args []string) error {
	least, most := 0, 0
	for _, w := range strings.Fields(v.Args) {
		more := strings.HasSuffix(strings.TrimSuffix(w, "]"), "...")
		switch {
		case more && w == "...":
			most = -1
			continue
		case !strings.HasPrefix(w, "["):
			least++
		}
		if more {
			most = -1
		}
		if most >= 0 {
			most++
		}
	}
	switch {
	case most == 0 && len(args) > 0:
		return Errorf(fs.ErrInvalid, "%s takes no arguments, not %s", v.Name, printable(strings.Join(args, " ")))
	case len(args) < least || most >= 0 && len(args) > most:
		return Errorf(fs.ErrInvalid, "%s: %d arguments given; the form is: %s %s", v.Name, len(args), v.Name, v.Args)
	}
	return nil
}

// printable is what somebody wrote, fit for a message of one line.
func printable(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return string(AppendEscaped(nil, s))
}
