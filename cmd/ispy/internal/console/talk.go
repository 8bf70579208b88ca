package console

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// talk is a conversation with a program.
type talk struct {
	f    *space.File
	out  io.Writer
	json bool
	// types has types shown behind values that do not tell them.
	types bool
	quit  bool
}

// value, answer and completion are what the session answers, as plugins/console
// writes it.
type value struct {
	Text string `json:"value"`
	Type string `json:"type"`
	Says string `json:"says"` // of errors
}

type answer struct {
	Output string    `json:"output"`
	Values [][]value `json:"values"`
	Error  string    `json:"error"`
	Quit   bool      `json:"quit"`
}

type completion struct {
	Word       int `json:"word"`
	Candidates []struct {
		Name string `json:"name"`
		Doc  string `json:"doc"`
	} `json:"candidates"`
}

// ask sends a request and returns all of the answer.
func (t *talk) ask(ctx context.Context, request string) ([]byte, error) {
	f := t.f.With(ctx)
	for len(request) > 0 {
		n := min(len(request), f.MaxWrite())
		if _, err := f.Write([]byte(request[:n])); err != nil {
			return nil, err
		}
		request = request[n:]
	}
	var all []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := f.ReadAt(buf, int64(len(all)))
		all = append(all, buf[:n]...)
		switch {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return all, err
		case n == 0:
			return all, io.ErrUnexpectedEOF
		}
	}
}

// script evaluates a text and shows the answer. The error is that of the evaluation.
func (t *talk) script(ctx context.Context, text string) error {
	if cmd := strings.TrimSpace(text); strings.HasPrefix(cmd, ":") {
		b, err := t.ask(ctx, cmd)
		if err != nil {
			return err
		}
		if rest, bad := strings.CutPrefix(string(b), "error: "); bad {
			return failed(rest)
		}
		_, err = t.out.Write(b)
		return err
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	b, err := t.ask(ctx, ":json "+text)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(b, &a); err != nil {
		return fmt.Errorf("the program's answer is no JSON: %v", err)
	}
	t.quit = t.quit || a.Quit
	if t.json {
		_, err = t.out.Write(b)
	} else {
		_, err = io.WriteString(t.out, t.show(&a))
	}
	if a.Error != "" {
		if t.json && err == nil {
			return verb.Silent(verb.Failed) // the answer says it
		}
		return failed(a.Error)
	}
	return err
}

// show is an answer as people read it, without its error.
func (t *talk) show(a *answer) string {
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
		b.WriteString(t.notes(vs))
		b.WriteByte('\n')
	}
	return b.String()
}

// notes are the type of a value where it does not show it, and what errors say.
func (t *talk) notes(vs []value) string {
	text := ""
	if t.types && len(vs) == 1 && hidden(vs[0]) {
		text = " // " + vs[0].Type
	}
	for _, v := range vs {
		switch {
		case v.Says == "":
			continue
		case text == "":
			text = " // error: "
		case strings.HasSuffix(text, " error"):
			text += ": "
		default:
			text += "; "
		}
		text += strings.ReplaceAll(v.Says, "\n", "\n// ")
	}
	return text
}

// hidden says that a value does not tell its type.
func hidden(v value) bool {
	switch v.Type {
	case "int", "string", "bool", "float64", "[]uint8", "untyped nil", "console.typeName", "eval.typeName":
		return false
	}
	rest, found := strings.CutPrefix(strings.TrimLeft(v.Text, "&*("), strings.TrimLeft(v.Type, "*"))
	// errors.errorString is no error by its name.
	return !found || rest != "" && (rest[0] == '.' || rest[0] == '_' || unicode.IsLetter(rune(rest[0])) || unicode.IsDigit(rune(rest[0])))
}

// lines evaluates what comes from a pipe, each text as soon as it is complete, until
// one fails.
func (t *talk) lines(ctx context.Context, r io.Reader) error {
	in := bufio.NewReader(r)
	var text strings.Builder
	first, next := 1, 1 // lines: of the text, and the one to come
	for ctx.Err() == nil && !t.quit {
		line, err := in.ReadString('\n')
		text.WriteString(line)
		next++
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || !incomplete(text.String()) {
			e := t.script(ctx, text.String())
			var silent verb.Silent
			if e != nil && first > 1 && !errors.As(e, &silent) {
				e = fmt.Errorf("in the text from line %d: %w", first, e)
			}
			if e != nil {
				return e
			}
			text.Reset()
			first = next
		}
		if err != nil {
			return nil
		}
	}
	return ctx.Err()
}
