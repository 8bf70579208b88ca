package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/complete"
	"github.com/ispyd/ispyd/cmd/ispy/internal/term"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// How long completion may keep the prompt.
const completeTimeout = time.Second

// interact evaluates what is typed.
func (t *talk) interact(ctx context.Context, c *verb.Call, program string) error {
	t.types = true
	var mu sync.Mutex // the hint is made beside the editor
	editor, err := term.New(term.Options{
		Prompt: func() string { return "(" + program + " go) >>> " },
		More:   incomplete,
		Complete: func(text string, cursor int) complete.Result {
			mu.Lock()
			defer mu.Unlock()
			return t.complete(ctx, text[:min(cursor, len(text))])
		},
		HistoryFile: term.HistoryPath(),
	})
	if err != nil {
		return err
	}
	defer editor.Close()
	for !t.quit {
		text, err := editor.ReadLine()
		switch {
		case errors.Is(err, term.ErrInterrupted):
			continue
		case errors.Is(err, io.EOF):
			fmt.Fprintln(c.Stdout)
			return nil
		case err != nil:
			return err
		}
		if err := t.typed(ctx, text); err != nil {
			fmt.Fprintln(c.Stderr, "error:", err)
			if c.Space.Gone(program) {
				return err
			}
		}
	}
	return nil
}

// typed evaluates until Ctrl-C.
func (t *talk) typed(ctx context.Context, text string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	err := t.script(ctx, text)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// complete asks the session for the names that the word before the cursor may become.
func (t *talk) complete(ctx context.Context, before string) complete.Result {
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	r := complete.Result{Start: len(before)}
	b, err := t.ask(ctx, ":complete "+before)
	if err != nil {
		r.Note = err.Error()
		return r
	}
	var k completion
	if json.Unmarshal(b, &k) != nil || k.Word > len(before) {
		return r
	}
	r.Start = len(before) - k.Word
	for i, x := range k.Candidates {
		if i == 0 {
			r.Common = x.Name
		}
		for len(r.Common) > 0 && (len(x.Name) < len(r.Common) || x.Name[:len(r.Common)] != r.Common) {
			r.Common = r.Common[:len(r.Common)-1]
		}
		if i < complete.MaxCandidates {
			r.Candidates = append(r.Candidates, complete.Candidate{Value: x.Name, Display: x.Name, Doc: x.Doc})
		}
	}
	if n := len(k.Candidates) - complete.MaxCandidates; n > 0 {
		r.Note = fmt.Sprintf("%d more", n)
	}
	return r
}
