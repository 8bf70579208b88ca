package shell

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// isTerminal says that a person is at the other end.
func isTerminal(f any) bool {
	is := false
	control(f, func(fd int) { is = term.IsTerminal(fd) })
	return is
}

// control does something with a file's descriptor, if it is a file. Fd would make
// it one whose reads cannot be interrupted.
func control(f any, do func(fd int)) {
	file, ok := f.(*os.File)
	if !ok || file == nil {
		return
	}
	if conn, err := file.SyscallConn(); err == nil {
		conn.Control(func(fd uintptr) { do(int(fd)) }) //nolint:errcheck // a closed file is no terminal
	}
}

// terminal describes what is written to, nil where that is no terminal.
func terminal(w io.Writer, getenv func(string) string) *verb.Terminal {
	if !isTerminal(w) {
		return nil
	}
	return &verb.Terminal{
		Size: func() (columns, lines int) {
			columns, lines = 80, 24
			control(w, func(fd int) {
				if c, l, err := term.GetSize(fd); err == nil && c > 0 && l > 0 {
					columns, lines = c, l
				}
			})
			return columns, lines
		},
		Color: getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && getenv("TERM") != "",
	}
}

// stdin is a reader that ends with the context, where what is read is a file that
// may keep one waiting: a terminal or a pipe.
func stdin(ctx context.Context, r io.Reader) io.Reader {
	switch f := r.(type) {
	case nil:
		return strings.NewReader("")
	case *os.File:
		if f == nil {
			return strings.NewReader("")
		}
		return &input{ctx: ctx, file: f}
	}
	return r
}

type input struct {
	ctx  context.Context
	file *os.File
}

// pollInterval is how long an interrupted command may wait for its input, in
// milliseconds.
const pollInterval = 100

func (in *input) Read(p []byte) (int, error) {
	conn, err := in.file.SyscallConn()
	if err != nil {
		return 0, err
	}
	for {
		if err := context.Cause(in.ctx); err != nil {
			return 0, err
		}
		ready := false
		cerr := conn.Control(func(fd uintptr) {
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, perr := unix.Poll(fds, pollInterval)
			ready = n > 0 || perr != nil && perr != unix.EINTR
		})
		if cerr != nil {
			return 0, cerr
		}
		if ready {
			return in.file.Read(p)
		}
	}
}

// lineReader reads lines, however long.
type lineReader struct{ r *bufio.Reader }

func newLineReader(r io.Reader) lineReader { return lineReader{bufio.NewReader(r)} }

func (l lineReader) next() (string, error) { return l.r.ReadString('\n') }
