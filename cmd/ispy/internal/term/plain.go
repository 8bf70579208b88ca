package term

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxLine is the most that a line has, in bytes.
const maxLine = 1 << 20

// plain reads lines as they come. It reads no byte beyond a line, for what follows
// may be for the command that the line runs.
type plain struct {
	opts Options
	in   *os.File
	out  io.Writer
	// wake ends a wait for input.
	wake [2]*os.File
}

func newPlain(opts Options) (*plain, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &plain{opts: opts, in: os.Stdin, out: os.Stdout, wake: [2]*os.File{r, w}}, nil
}

func (p *plain) close() {
	p.wake[0].Close()
	p.wake[1].Close()
}

func (p *plain) readText() (string, error) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-interrupts:
			p.wake[1].Write([]byte{0})
		case <-done:
		}
	}()
	defer func() {
		signal.Stop(interrupts)
		close(done)
		<-ended
	}()
	io.WriteString(p.out, p.opts.Prompt())
	text, err := p.readLine()
	for err == nil && p.opts.More(text) {
		io.WriteString(p.out, "> ")
		var line string
		line, err = p.readLine()
		if err == io.EOF {
			return text, nil // not complete: the shell says so
		}
		text += "\n" + line
	}
	if errors.Is(err, ErrInterrupted) {
		io.WriteString(p.out, "\n")
		return "", err
	}
	return text, err
}

// readLine reads up to a newline. A last line without one is a line.
func (p *plain) readLine() (string, error) {
	var line []byte
	b := make([]byte, 1)
	for {
		if err := p.wait(); err != nil {
			return "", err
		}
		n, err := p.in.Read(b)
		switch {
		case err != nil && len(line) > 0 && errors.Is(err, io.EOF):
			return string(line), nil
		case err != nil:
			return "", err
		case n == 0:
		case b[0] == '\n':
			return string(line), nil
		case len(line) == maxLine:
			return "", errors.New("the line is longer than 1 MiB")
		default:
			line = append(line, b[0])
		}
	}
}

// wait waits for input or for Ctrl-C.
func (p *plain) wait() error {
	fds := []unix.PollFd{
		{Fd: int32(p.in.Fd()), Events: unix.POLLIN},
		{Fd: int32(p.wake[0].Fd()), Events: unix.POLLIN},
	}
	for {
		_, err := unix.Poll(fds, -1)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return nil // what cannot be waited for is read
		}
		if fds[1].Revents != 0 {
			p.wake[0].Read(make([]byte, 1))
			return ErrInterrupted
		}
		return nil
	}
}
