package postmortem

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/internal/minicore"
	"github.com/ispyd/ispyd/internal/nearest"
)

// session is a person, or a script, that walks through a dead goroutine.
type session struct {
	*dead
	core   *os.File // of the local disk; where it was fetched it has no name any more
	source string   // -source
	json   bool
	stdout io.Writer
	stderr io.Writer

	frame  int
	quit   bool
	listed int  // the line that list goes on from, 0 for the frame's own
	advise bool // that values are missing was said
}

// command is a word of the session.
type command struct {
	names []string // the first is the one that is listed
	args  string
	doc   string
	run   func(s *session, arg string) (any, error)
}

// commands are in the order of help. It is a function since help lists it.
func commands() []command {
	return []command{
		{[]string{"bt", "where", "w", "stack"}, "", "the stack, the innermost frame first", (*session).backtrace},
		{[]string{"up", "u"}, "[N]", "to the frame that called this one", (*session).up},
		{[]string{"down", "d"}, "[N]", "to the frame that this one called", (*session).down},
		{[]string{"frame", "f"}, "N", "to the frame N", (*session).goTo},
		{[]string{"args", "a"}, "", "the arguments and results of the frame", (*session).args},
		{[]string{"locals"}, "", "the other variables of the frame", (*session).locals},
		{[]string{"p", "print", "pp"}, "EXPR", "the value of an expression: s.store.items[3].Tags, len(x), *(*int)(0xc000012345), main.total", (*session).print},
		{[]string{"whatis"}, "EXPR", "the type of an expression", (*session).whatis},
		{[]string{"list", "l", "ls"}, "", "the source around the frame's line", (*session).list},
		{[]string{"vars"}, "REGEXP", "the variables of packages whose names match", (*session).vars},
		{[]string{"panic", "error"}, "", "the value of the panic, or the error", (*session).value},
		{[]string{"goroutine", "gr"}, "", "the goroutine, what was captured of it, and where it was created", (*session).goroutine},
		{[]string{"save"}, "FILE", "write the core to a file of the local disk", (*session).save},
		{[]string{"help", "h", "?"}, "", "these lines", (*session).help},
		{[]string{"quit", "q", "exit", "EOF"}, "", "leave", (*session).leave},
	}
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		for _, n := range c.names {
			if n == name {
				return c, true
			}
		}
	}
	return command{}, false
}

// script runs commands with semicolons or line breaks between them. It goes on
// after errors, and returns whether there were none.
func (s *session) script(ctx context.Context, text string) bool {
	ok := true
	for _, line := range split(text) {
		if s.quit || ctx.Err() != nil {
			break
		}
		ok = s.do(line) && ok
	}
	return ok
}

// split cuts a script at semicolons and line breaks that are in no string.
func split(text string) (lines []string) {
	var quote rune
	escaped := false
	start := 0
	for i, c := range text {
		switch {
		case escaped:
			escaped = false
		case quote != 0 && c == '\\' && quote != '`':
			escaped = true
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '`' || c == '\'':
			quote = c
		case c == ';' || c == '\n':
			lines = append(lines, text[start:i])
			start = i + 1
		}
	}
	return append(lines, text[start:])
}

// do runs one command.
func (s *session) do(text string) bool {
	name, arg, _ := strings.Cut(strings.TrimSpace(text), " ")
	arg = strings.TrimSpace(arg)
	if name == "" {
		return true
	}
	result, err := s.result(name, arg)
	if s.json {
		s.object(name, arg, result, err)
		return err == nil
	}
	if err != nil {
		fmt.Fprintln(s.stderr, "debug:", err)
		s.advice(err)
		return false
	}
	if t, ok := result.(shown); ok {
		io.WriteString(s.stdout, t.text(s)) //nolint:errcheck // nobody is left to tell
	}
	s.adviseOn(result)
	return true
}

// shown is a result that can be shown to a person; as it is it becomes JSON.
type shown interface{ text(s *session) string }

func (s *session) result(name, arg string) (any, error) {
	c, ok := find(name)
	if !ok {
		var all []string
		for _, c := range commands() {
			all = append(all, c.names...)
		}
		hint := nearest.Hint(name, all)
		if hint == "" {
			hint = "; p " + strings.TrimSpace(name+" "+arg) + " shows a value, help lists the commands"
		}
		return nil, fmt.Errorf("%s: no such command%s", name, hint)
	}
	if arg == "" && c.args != "" && !strings.HasPrefix(c.args, "[") {
		return nil, verb.Usagef("the form is: %s %s", c.names[0], c.args)
	}
	if arg != "" && c.args == "" {
		return nil, verb.Usagef("%s takes no arguments", c.names[0])
	}
	return c.run(s, arg)
}

// object writes what a command said as a line of JSON.
func (s *session) object(name, arg string, result any, err error) {
	o := struct {
		Command string `json:"command"`
		Frame   int    `json:"frame"`
		Result  any    `json:"result,omitempty"`
		Error   string `json:"error,omitempty"`
	}{strings.TrimSpace(name + " " + arg), s.frame, result, ""}
	if err != nil {
		o.Error = err.Error()
	}
	b, err := json.Marshal(o)
	if err != nil {
		b = fmt.Appendf(nil, `{"error":%q}`, err)
	}
	s.stdout.Write(append(b, '\n')) //nolint:errcheck // nobody is left to tell
}

// advice says once how to build for values that are there.
func (s *session) advice(err error) {
	var gone *goneError
	if errors.As(err, &gone) {
		s.build()
	}
}

func (s *session) adviseOn(result any) {
	switch r := result.(type) {
	case values:
		for _, v := range r {
			if v.Value == optimisedOut {
				s.build()
				return
			}
		}
	case value:
		if r.Value == optimisedOut {
			s.build()
		}
	}
}

func (s *session) build() {
	if s.advise {
		return
	}
	s.advise = true
	fmt.Fprintf(s.stderr, "%s: the value was kept nowhere when it was captured. Built with -gcflags='%s=-N -l' the program keeps all values.\n", optimisedOut, s.module())
}

// module is the pattern of the program's own packages.
func (s *session) module() string {
	if info, err := buildinfo.ReadFile(s.program); err == nil && info.Main.Path != "" {
		return info.Main.Path + "/..."
	}
	return "yourmodule/..."
}

// header is what a session begins with.
func (s *session) header() {
	if v, err := s.value(""); err == nil {
		io.WriteString(s.stdout, v.(value).text(s)) //nolint:errcheck // nobody is left to tell
	}
	io.WriteString(s.stdout, s.here().text(s)) //nolint:errcheck // as above
	if s.ours && s.info.Kind == minicore.KindError {
		fmt.Fprintln(s.stderr, "What the heap held was read after the function had returned: what changed meanwhile shows as it is later.")
	}
	if s.ours && s.info.Truncated {
		fmt.Fprintln(s.stderr, "The capture is within its limits: what is far from the innermost frame may be missing.")
	}
}

func (s *session) move(to int) (any, error) {
	s.frame, s.listed = to, 0
	return s.here(), nil
}

func (s *session) up(arg string) (any, error) {
	n, err := count(arg)
	switch {
	case err != nil:
		return nil, err
	case s.frame == len(s.frames)-1:
		return nil, errors.New("this is the outermost frame")
	}
	return s.move(min(s.frame+n, len(s.frames)-1))
}

func (s *session) down(arg string) (any, error) {
	n, err := count(arg)
	switch {
	case err != nil:
		return nil, err
	case s.frame == 0:
		return nil, errors.New("this is the innermost frame")
	}
	return s.move(max(s.frame-n, 0))
}

func (s *session) goTo(arg string) (any, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 0 || n >= len(s.frames) {
		return nil, verb.Usagef("frame %s: there are 0 to %d", arg, len(s.frames)-1)
	}
	return s.move(n)
}

func count(arg string) (int, error) {
	if arg == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > maxFrames {
		return 0, verb.Usagef("%s: a number of frames is wanted", arg)
	}
	return n, nil
}

func (s *session) leave(string) (any, error) {
	s.quit = true
	return nil, nil
}

// helpText is what help says.
type helpText []struct {
	Command string `json:"command"`
	Doc     string `json:"doc"`
}

func (s *session) help(string) (any, error) {
	var h helpText
	for _, c := range commands() {
		h = append(h, struct {
			Command string `json:"command"`
			Doc     string `json:"doc"`
		}{strings.TrimSpace(strings.Join(c.names, ", ") + " " + c.args), c.doc})
	}
	return h, nil
}

func (h helpText) text(*session) string {
	var b strings.Builder
	for _, l := range h {
		fmt.Fprintf(&b, "%-28s %s\n", l.Command, l.Doc)
	}
	return b.String()
}
