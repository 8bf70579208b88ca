package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/cmd/ispy/internal/complete"
)

const childEnv = "ISPYD_TEST_EDITOR"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// words are what the child completes.
var words = []complete.Candidate{
	{Value: "cat", Doc: "print files"},
	{Value: "cd", Doc: "change the directory"},
	{Value: "grep", Doc: "search"},
	{Value: "grüße", Doc: "kind"},
	{Value: "main.(*Server).order"},
	{Value: `my\ dir/`, Display: "my dir/", Dir: true},
	{Value: "process/", Dir: true},
}

// child reads texts and says what it has got. It exits at the end of the input.
func child() {
	ed, err := New(Options{
		Prompt: func() string { return "(ispyd) " },
		More: func(text string) bool {
			return strings.Count(text, "do") > strings.Count(text, "done")*2
		},
		Complete: func(text string, cursor int) complete.Result {
			start := strings.LastIndexAny(text[:cursor], " \n") + 1
			word := text[start:cursor]
			r := complete.Result{Start: start}
			for _, c := range words {
				if c.Display == "" {
					c.Display = c.Value
				}
				if strings.HasPrefix(c.Value, word) || len(word) > 2 && strings.Contains(c.Value, word) {
					r.Candidates = append(r.Candidates, c)
				}
			}
			if len(r.Candidates) == 0 {
				r.Note = "no answer from 14905"
			}
			return r
		},
		Hint: func(text string, cursor int) string {
			if strings.HasPrefix(text, "cat ") {
				return "cat PATH...: print files"
			}
			return ""
		},
		HistoryFile: HistoryPath(),
	})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer ed.Close()
	for {
		text, err := ed.ReadLine()
		switch {
		case err == io.EOF:
			fmt.Println("bye")
			return
		case errors.Is(err, ErrInterrupted):
			fmt.Println("dropped")
		case err != nil:
			fmt.Println("error:", err)
			return
		case strings.HasPrefix(text, "run "):
			cmd := exec.CommandContext(context.Background(), "sh", "-c", strings.TrimPrefix(text, "run "))
			cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
			fmt.Printf("ran: %v\n", cmd.Run())
		default:
			fmt.Printf("got %q\n", text)
		}
	}
}
