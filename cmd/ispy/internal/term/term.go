// Package term is the line editor of ispy: emacs keys, a history that lasts,
// completion with docs, a line below that explains what is being typed, texts of
// several lines. On what is no terminal, or one that can do nothing, it reads plain
// lines.
//
// The user's ~/.inputrc is not read: it is written for other programs, binds keys
// to commands that do not exist here, and a mistake in it must not keep anybody
// from a program that hangs.
package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	xterm "golang.org/x/term"

	"github.com/ispyd/ispyd/cmd/ispy/internal/complete"
)

// ErrInterrupted is what ReadLine returns after Ctrl-C: what was typed is dropped.
var ErrInterrupted = errors.New("interrupted")

// Options say what the editor works with. All functions may be nil.
type Options struct {
	// Prompt is asked once for each text.
	Prompt func() string
	// More says that the text is not complete yet: another line is read.
	More func(text string) bool
	// Complete and Hint get the text and the cursor, an offset in bytes. Hint
	// is called from a goroutine of its own, once at a time.
	Complete func(text string, cursor int) complete.Result
	Hint     func(text string, cursor int) string
	// HistoryFile keeps what was typed, "" for no longer than the editor: see
	// [HistoryPath].
	HistoryFile string
	// Warn is told once that the history cannot be kept. Nil writes to the
	// standard error.
	Warn func(error)
}

// Editor reads texts from the standard input. Only Close may be called from
// another goroutine.
type Editor struct {
	opts  Options
	read  func() (string, error)
	hist  *history
	close func()
	once  sync.Once
}

// New makes an editor, which does nothing until ReadLine is called. A history that
// cannot be read or written is no error: see Options.Warn.
func New(opts Options) (*Editor, error) {
	if opts.Prompt == nil {
		opts.Prompt = func() string { return "" }
	}
	if opts.More == nil {
		opts.More = func(string) bool { return false }
	}
	if opts.Warn == nil {
		opts.Warn = func(err error) { fmt.Fprintln(os.Stderr, "ispy:", err) }
	}
	e := &Editor{opts: opts, close: func() {}}
	if !capable() {
		p, err := newPlain(opts)
		if err != nil {
			return nil, err
		}
		e.read, e.close = p.readText, p.close
		return e, nil
	}
	e.hist = openHistory(opts.HistoryFile)
	s, err := newScreen(opts, e.hist)
	if err != nil {
		return nil, err
	}
	e.read, e.close = s.readText, s.close
	return e, nil
}

// capable says that lines can be edited: there is a terminal at both ends, and it
// can do more than go on. The standard error counts too, for that is where the
// library asks for the size.
func capable() bool {
	if t := os.Getenv("TERM"); t == "" || t == "dumb" {
		return false
	}
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if !xterm.IsTerminal(int(f.Fd())) {
			return false
		}
	}
	return true
}

// Color says that the standard output is a terminal, and that colours are wanted
// on it.
func Color() bool {
	t := os.Getenv("TERM")
	return os.Getenv("NO_COLOR") == "" && t != "" && t != "dumb" && xterm.IsTerminal(int(os.Stdout.Fd()))
}

// ReadLine reads a text, of several lines where More says so, without the last
// newline. It returns io.EOF at the end of the input (Ctrl-D on an empty line, a
// terminal that has gone) and ErrInterrupted after Ctrl-C. Between its calls nothing
// reads the standard input, and the terminal is as it was before.
func (e *Editor) ReadLine() (string, error) {
	text, err := e.read()
	if e.hist != nil {
		if err := e.hist.warning(); err != nil {
			e.opts.Warn(err)
		}
	}
	if err != nil && err != ErrInterrupted && gone(err) {
		err = io.EOF
	}
	return text, err
}

// Close puts the terminal back to what it was when the editor was made, also while
// ReadLine is running, which must not be waited for then.
func (e *Editor) Close() { e.once.Do(e.close) }
