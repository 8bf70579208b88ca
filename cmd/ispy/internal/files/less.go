package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

var less = verb.Verb{
	Name: "less",
	Args: "[PATH...]",
	Doc:  "show files page by page",
	More: `It runs $PAGER, or else less -R or more, of this machine. Where the output is no
terminal it prints the files, as cat does.`,
	Examples: []string{"less README", "less runtime/goroutines"},
	Flags: verb.Plain(func(ctx context.Context, c *verb.Call) error {
		if len(c.Args) == 0 && c.StdinTerminal {
			return c.WrongUse()
		}
		if c.Terminal == nil {
			return c.Each(ctx, c.Args, func(in *verb.Input) error {
				_, err := in.WriteTo(c.Stdout)
				return err
			})
		}
		return page(ctx, c)
	}),
}

// page sends the files to a pager. What goes wrong is said when that has ended, for
// it has the screen.
func page(ctx context.Context, c *verb.Call) error {
	line, err := pagerLine(c)
	if err != nil {
		return err
	}
	// An interrupt is the pager's: the shell around it is not to die of it.
	p := &pager{ctx: ctx, cmd: exec.Command("sh", "-c", "trap : INT; "+line)}
	p.cmd.Stdout, p.cmd.Stderr = c.Stdout, c.Stderr
	screen := c.Stderr
	var said bytes.Buffer
	c.Stderr = &said
	err = c.Each(ctx, c.Args, func(in *verb.Input) error {
		_, err := in.WriteTo(p)
		return err
	})
	c.Stderr = screen
	if errors.Is(err, syscall.EPIPE) {
		err = nil // the person has seen enough
	}
	if perr := p.wait(); perr != nil && err == nil {
		err = fmt.Errorf("%s: %w", line, perr)
	}
	io.Copy(c.Stderr, &said)
	return err
}

// pagerLine is the command line of the pager.
func pagerLine(c *verb.Call) (string, error) {
	if line := c.Getenv("PAGER"); line != "" {
		return line, nil
	}
	for _, line := range []string{"less -R", "more"} {
		name, _, _ := strings.Cut(line, " ")
		if _, err := exec.LookPath(name); err == nil {
			return line, nil
		}
	}
	return "", errors.New("there is neither less nor more on this machine; PAGER=COMMAND names another pager")
}

// pager is begun when there is something to show. It has the person's keys, so an
// interrupt is its own affair; it is ended with a context that has a deadline.
type pager struct {
	ctx  context.Context
	cmd  *exec.Cmd
	pipe io.WriteCloser // nil before it is begun
	stop func() bool
	err  error
}

func (p *pager) Write(b []byte) (int, error) {
	if p.pipe == nil && p.err == nil {
		p.err = p.begin()
	}
	if p.err != nil {
		return 0, p.err
	}
	return p.pipe.Write(b)
}

func (p *pager) begin() error {
	pipe, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.pipe = pipe
	p.stop = context.AfterFunc(p.ctx, func() {
		if errors.Is(context.Cause(p.ctx), context.DeadlineExceeded) {
			p.cmd.Process.Signal(syscall.SIGTERM)
		}
	})
	return nil
}

// wait waits for the pager's end.
func (p *pager) wait() error {
	if p.pipe == nil {
		return nil
	}
	p.pipe.Close()
	defer p.stop()
	return p.cmd.Wait()
}
