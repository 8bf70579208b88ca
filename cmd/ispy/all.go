package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/shell"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
)

// atOnce is in how many programs -all runs commands at the same time.
const atOnce = 32

// maxObject is how much output of one program -all -json keeps.
const maxObject = 256 << 20

// runAll runs the script in every program that listens, in its directory. The
// exit code is 6 where some failed, and theirs where all did.
func runAll(ctx context.Context, o options, s *space.Space, stdout, stderr io.Writer) int {
	servers, err := s.Servers(ctx)
	if err != nil {
		fmt.Fprintln(stderr, verb.Message("", err))
	}
	var live []client.Server
	var codes []int
	for _, srv := range servers {
		if srv.Err == nil {
			live = append(live, srv)
			continue
		}
		// One that has ended is no failure, one that cannot be reached is.
		fmt.Fprintf(stderr, "%s: %s\n", srv.Name, verb.Message("", srv.Err))
		if !srv.Stale {
			codes = append(codes, verb.ExitCode(srv.Err))
		}
	}
	if len(live) == 0 && len(codes) > 0 {
		return together(codes)
	}
	if len(live) == 0 {
		if err == nil {
			fmt.Fprintln(stderr, verb.Message("", space.Unreachable("no program listens at "+s.At())))
		}
		return verb.Unreachable
	}
	var mu sync.Mutex // a line is written as a whole
	codes = append(codes, make([]int, len(live))...)
	answers := codes[len(codes)-len(live):]
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, srv := range live {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeoutCause(ctx, o.deadline,
				fmt.Errorf("not done after %v (-deadline): %w", o.deadline, client.ErrTimeout))
			defer cancel()
			if o.json {
				answers[i] = oneObject(ctx, o, s, srv.Name, &mu, stdout)
			} else {
				answers[i] = onePrefixed(ctx, o, s, srv.Name, &mu, stdout, stderr)
			}
		})
	}
	wg.Wait()
	return together(codes)
}

// together is one exit code for several.
func together(codes []int) int {
	failed, code := 0, verb.OK
	for _, c := range codes {
		switch {
		case c == verb.OK:
			continue
		case failed > 0 && c != code:
			code = verb.Failed
		default:
			code = c
		}
		failed++
	}
	if failed > 0 && failed < len(codes) {
		return verb.Some
	}
	return code
}

// inProgram runs the script in one program.
func inProgram(ctx context.Context, o options, s *space.Space, name string, stdout, stderr io.Writer) int {
	if _, err := s.Dial(ctx, name); err != nil {
		fmt.Fprintln(stderr, verb.Message("", err))
		return verb.ExitCode(err)
	}
	sh, err := shell.New(shell.Options{Space: s, Verbs: verbs(), Dir: "/" + name, JSON: o.json, Stdout: stdout, Stderr: stderr})
	if err != nil {
		fmt.Fprintln(stderr, verb.Message("", err))
		return verb.Failed
	}
	code := sh.Script(ctx, o.scriptName, o.script)
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		fmt.Fprintln(stderr, verb.Message("", cause))
		code = verb.ExitCode(cause)
	}
	return code
}

func onePrefixed(ctx context.Context, o options, s *space.Space, name string, mu *sync.Mutex, stdout, stderr io.Writer) int {
	out := &prefixer{mu: mu, w: stdout, prefix: name + ": "}
	errs := &prefixer{mu: mu, w: stderr, prefix: name + ": "}
	defer out.end()
	defer errs.end()
	return inProgram(ctx, o, s, name, out, errs)
}

// prefixer writes whole lines, each with a prefix.
type prefixer struct {
	mu     *sync.Mutex
	w      io.Writer
	prefix string

	own  sync.Mutex // commands in a pipe share the standard error
	line []byte
}

// longest is how long a line may be that is kept until it ends; a longer one
// comes in pieces.
const longest = 1 << 20

func (p *prefixer) Write(b []byte) (int, error) {
	p.own.Lock()
	defer p.own.Unlock()
	var out []byte
	for rest := b; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 && len(p.line)+len(rest) < longest {
			p.line = append(p.line, rest...)
			break
		}
		if i < 0 {
			i = len(rest) - 1
		}
		out = append(out, p.prefix...)
		out = append(out, p.line...)
		out = append(out, rest[:i+1]...)
		p.line, rest = p.line[:0], rest[i+1:]
	}
	return len(b), p.write(out)
}

func (p *prefixer) write(out []byte) error {
	if len(out) == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.w.Write(out)
	return err
}

// end writes what is left, the line break too.
func (p *prefixer) end() {
	p.own.Lock()
	defer p.own.Unlock()
	if len(p.line) > 0 {
		p.write(append(append([]byte(p.prefix), p.line...), '\n')) //nolint:errcheck // nobody is left to tell
		p.line = nil
	}
}

// object is what one program has to say, with -all -json.
type object struct {
	Name   string          `json:"name"`
	Exit   int             `json:"exit"`
	Output json.RawMessage `json:"output"`
	Errors string          `json:"errors,omitempty"`
	Took   float64         `json:"seconds"`
}

// oneObject prints a line with all that a program printed: as it is where that is
// JSON, as a string where not.
func oneObject(ctx context.Context, o options, s *space.Space, name string, mu *sync.Mutex, stdout io.Writer) int {
	var out, errs bounded
	begin := time.Now()
	code := inProgram(ctx, o, s, name, &out, &errs)
	line := object{Name: name, Exit: code, Errors: errs.String(), Took: time.Since(begin).Seconds()}
	var compact bytes.Buffer
	if err := json.Compact(&compact, out.buf.Bytes()); err == nil && compact.Len() > 0 {
		line.Output = compact.Bytes()
	} else {
		line.Output, _ = json.Marshal(out.String())
	}
	text, err := json.Marshal(line)
	if err != nil {
		return verb.Failed
	}
	mu.Lock()
	defer mu.Unlock()
	if _, err := stdout.Write(append(text, '\n')); err != nil {
		return verb.Failed
	}
	return code
}

// bounded keeps what is written to it, and fails when that is too much.
type bounded struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *bounded) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf.Len()+len(p) > maxObject {
		return 0, fmt.Errorf("more than %d bytes of output", maxObject)
	}
	return b.buf.Write(p)
}

func (b *bounded) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
