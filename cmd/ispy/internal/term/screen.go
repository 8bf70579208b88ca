package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/reeflective/readline"
	"github.com/reeflective/readline/inputrc"
	xterm "golang.org/x/term"
)

// screen edits lines on a terminal.
type screen struct {
	opts    Options
	rl      *readline.Shell
	state   *xterm.State
	color   bool
	prompt  string
	hints   *hinter
	tab     *tab
	reading atomic.Bool
}

func newScreen(opts Options, hist *history) (*screen, error) {
	state, err := xterm.GetState(int(os.Stdin.Fd()))
	if err != nil {
		return nil, err
	}
	s := &screen{opts: opts, state: state, color: Color(), rl: newShell()}
	rl := s.rl
	for name, value := range map[string]any{
		// A terminal that does not answer would hang it.
		"cursor-position-probe":  false,
		"enable-bracketed-paste": true,
		// Letters beyond ASCII are letters.
		"input-meta":                   true,
		"output-meta":                  true,
		"convert-meta":                 false,
		"echo-control-characters":      false,
		"multiline-column":             false,
		"bell-style":                   "none",
		"history-autosuggest":          false,
		"autocomplete":                 false,
		"revert-all-at-newline":        true,
		"completion-ignore-case":       false,
		"menu-complete-display-prefix": false,
	} {
		rl.Config.Set(name, value)
	}
	if !s.color {
		rl.Config.Set("completion-selection-style", "\x1b[7m")
	}
	rl.Prompt.Primary(func() string { return s.prompt })
	rl.Prompt.Secondary(func() string { return "> " })
	rl.AcceptMultiline = func(text []rune) bool { return !opts.More(string(text)) }
	rl.History.Delete()
	rl.History.Add("history", newSearched(s, hist))
	if opts.Complete != nil {
		s.tab = newTab(s)
	}
	if opts.Hint != nil {
		s.hints = &hinter{ask: opts.Hint, refresh: rl.Keys.RequestRefresh}
	}
	rl.Hint.SetProvider(func(line []rune, cursor int) []rune {
		if rl.Keymap.Local() != "" {
			return nil // a search in the history needs the rows
		}
		hint := ""
		if s.hints != nil {
			hint = s.dim(fit(s.hints.get(line, cursor), columns()-1))
		}
		if hint == "" && (s.tab == nil || !s.tab.listing(string(line), cursor)) {
			// An empty row: the library takes one for granted below the line,
			// which must not go when the line grows.
			hint = " "
		}
		return []rune(hint)
	})
	return s, nil
}

// newShell makes the library's editor, without the user's inputrc.
func newShell() *readline.Shell {
	const name = "INPUTRC"
	value, set := os.LookupEnv(name)
	os.Setenv(name, os.DevNull)
	defer func() {
		if set {
			os.Setenv(name, value)
		} else {
			os.Unsetenv(name)
		}
	}()
	rl := readline.NewShell()
	for _, keys := range rl.Config.Binds {
		for seq, bind := range keys {
			if bind.Action == "re-read-init-file" {
				delete(keys, seq)
			}
		}
	}
	return rl
}

func (s *screen) readText() (string, error) {
	s.prompt = s.opts.Prompt()
	if s.hints != nil {
		s.hints.reset()
	}
	// The library never lets go of this signal.
	defer signal.Reset(syscall.SIGWINCH)
	s.reading.Store(true)
	defer s.reading.Store(false)
	if !s.color {
		defer withoutColor()()
	}
	s.freshLine()
	defer dropReports(s.rl)()
	text, err := s.rl.Readline()
	switch {
	case errors.Is(err, readline.ErrInterrupt):
		return "", ErrInterrupted
	case err != nil:
		return "", err
	}
	return text, nil
}

// freshLine makes the prompt begin on a row of its own, as zsh does: a mark and as
// many blanks as fill a row leave the cursor where a row is empty, whether or not
// the last output ended with a newline. The row below is there too, which the
// library takes for granted.
func (s *screen) freshLine() {
	fmt.Printf("\x1b[7m%%\x1b[27m%s\r\x1b[K\r\n\x1b[A", strings.Repeat(" ", columns()-1))
}

func (s *screen) close() {
	xterm.Restore(int(os.Stdin.Fd()), s.state)
	if s.reading.Load() {
		// The end of bracketed paste, and of the line.
		io.WriteString(os.Stderr, "\x1b[?2004l\r\n")
	}
}

func (s *screen) dim(text string) string {
	if text == "" || !s.color {
		return text
	}
	return "\x1b[2m" + text + "\x1b[0m"
}

// bind has a key run a command of ours.
func (s *screen) bind(key, command string, run func()) {
	s.rl.Keymap.Register(map[string]func(){command: run})
	for _, keymap := range []string{"emacs", "emacs-standard"} {
		s.rl.Config.Bind(keymap, inputrc.Unescape(key), command, false)
	}
}

// gone says that the terminal has hung up.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENXIO) || errors.Is(err, os.ErrClosed)
}

func columns() int {
	w, _ := size()
	return w
}

// size is that of the terminal now.
func size() (columns, lines int) {
	columns, lines, err := xterm.GetSize(int(os.Stdout.Fd()))
	if err != nil || columns <= 0 || lines <= 0 {
		if columns, lines, err = xterm.GetSize(int(os.Stderr.Fd())); err != nil || columns <= 0 || lines <= 0 {
			return 80, 24
		}
	}
	return columns, lines
}
