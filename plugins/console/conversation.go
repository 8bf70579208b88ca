package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/ispyd/ispyd/internal/eval"
	"github.com/ispyd/ispyd/nodes"
)

// conversation is one open session.
type conversation struct {
	p    *plugin
	peer nodes.Peer
	s    *eval.Session
	once sync.Once
	// turn is held by one request at a time: one that nobody waits for any more may
	// still be ending when the next comes.
	turn chan struct{}
	// note is what nobody has been told of the request before.
	note string
}

const help = `Go is evaluated: expressions, statements, declarations. Names of package main are
in scope, and those of all packages of the program: net/http after
import "net/http", or http where there is one of that name alone. In a program
without debug information a function is function("main.f", func(int) error).
exit() ends the session. os.Exit and the like, called from here, end the evaluation
and not the program; the program's own code that calls them ends it. A function that
is given to the program does nothing any more when the session has ended.
What begins with a colon is a command:

:json GO        the answer as JSON: output, values with types, error
:type EXPR      the type of an expression, which is not evaluated
:doc NAME       what a name is, with fields and methods
:complete TEXT  the names that the end of a text may become, as JSON
:help           this text
`

// Answer is the answer to :json.
type Answer struct {
	// Output is what was printed.
	Output string `json:"output,omitempty"`
	// Values are those of the request's expressions; each has several where it is
	// a call with several results.
	Values [][]eval.Value `json:"values,omitempty"`
	// Error says why it failed.
	Error string `json:"error,omitempty"`
	// Quit says that exit was called.
	Quit bool `json:"quit,omitempty"`
}

// Completion is the answer to :complete.
type Completion struct {
	// Word is the number of bytes at the end of the text that a candidate replaces.
	Word       int              `json:"word"`
	Candidates []eval.Candidate `json:"candidates"`
}

// Ask implements nodes.Conversation. That something is wrong with a request is part of
// its answer: what was printed before is too.
func (c *conversation) Ask(ctx context.Context, request []byte) ([]byte, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	text := string(request)
	if !strings.HasPrefix(text, ":") {
		return c.text(ctx, text), nil
	}
	command, rest, _ := strings.Cut(strings.TrimSuffix(text, "\n"), " ")
	switch strings.TrimSpace(command) {
	case ":json":
		a := c.eval(ctx, rest)
		return append(encode(a), '\n'), nil
	case ":type":
		t, err := c.s.TypeOf(ctx, rest)
		return line(t, err), nil
	case ":doc":
		t, err := c.s.Describe(ctx, rest)
		return line(strings.TrimSuffix(t, "\n"), err), nil
	case ":complete":
		list, word := c.s.Complete(ctx, rest)
		if list == nil {
			list = []eval.Candidate{}
		}
		return append(encode(Completion{word, list}), '\n'), nil
	case ":help":
		return []byte(help), nil
	}
	return line("", fmt.Errorf("%s is no command; :help lists them", command)), nil
}

// encode is v as JSON that people can read, too.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func line(text string, err error) []byte {
	if err != nil {
		text = "error: " + err.Error()
	}
	return []byte(text + "\n")
}

// eval evaluates Go and notes it.
func (c *conversation) eval(ctx context.Context, src string) Answer {
	r, err := c.s.Eval(ctx, src)
	c.p.evaluations.Add(1)
	a := Answer{Output: c.note + r.Output, Values: r.Values, Quit: r.Quit}
	c.note = ""
	if ctx.Err() != nil && errors.Is(err, eval.ErrAbandoned) {
		c.note = "note: the request before was " + err.Error() + "\n"
	}
	result := "ok"
	if err != nil {
		c.p.failures.Add(1)
		a.Error = err.Error()
		result = a.Error
	}
	c.p.log.LogAttrs(ctx, slog.LevelInfo, "console", attrs(c.peer, src, result)...)
	return a
}

func (c *conversation) text(ctx context.Context, src string) []byte {
	a := c.eval(ctx, src)
	var b strings.Builder
	b.WriteString(a.Output)
	if a.Output != "" && !strings.HasSuffix(a.Output, "\n") {
		b.WriteByte('\n')
	}
	for _, vs := range a.Values {
		if len(vs) == 0 {
			continue
		}
		for i, v := range vs {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(v.Text)
		}
		b.WriteString(eval.Notes(vs))
		b.WriteByte('\n')
	}
	if a.Error != "" {
		b.WriteString("error: " + a.Error + "\n")
	}
	return []byte(b.String())
}

// Close implements nodes.Conversation.
func (c *conversation) Close() error {
	c.once.Do(func() {
		c.p.mu.Lock()
		delete(c.p.open, c)
		c.p.mu.Unlock()
		c.s.Close()
	})
	return nil
}
