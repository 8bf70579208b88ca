// Package complete says what can be typed next on a line of ispy, and what stands
// on it. It knows no terminal. All that it offers it has from the verbs of ispy and
// from the trees: their directories, README, ctl, and the lists that the verbs of a
// ctl name as <functions>.
package complete

import (
	"context"
	"time"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// Shell is what completion asks the shell.
type Shell interface {
	// Dir is the current directory of the namespace.
	Dir() string
	Space() *space.Space
	Verbs() []verb.Verb
	// Words are the other words that a command begins with: functions,
	// aliases, builtins and keywords of sh.
	Words() []string
	// Vars are the names of the shell's variables.
	Vars() []string
}

// Candidate is one way to go on.
type Candidate struct {
	// Value replaces the text from Result.Start to the cursor. It is quoted as
	// the place asks for.
	Value string
	// Display is how it is listed, without quotes and without the directory
	// that it is in.
	Display string
	// Doc is one line, "" where nothing is known.
	Doc string
	// Dir says that more follows at once, without a blank.
	Dir bool
}

// Result is all that a lookup has found.
type Result struct {
	// Start is the offset in the line, in bytes, from which on the candidates
	// replace it up to the cursor.
	Start int
	// Candidates are sorted by what they are, then by name; see Note where
	// there are more than [MaxCandidates].
	Candidates []Candidate
	// Common is what the values of all candidates begin with, of those too that
	// are left out. It replaces the same text, and is "" where that would not
	// add to it.
	Common string
	// Note is for the person: how many are left out, who did not answer.
	Note string
}

// MaxCandidates is the most that a Result holds.
const MaxCandidates = 200

// How long a lookup may take, so that a frozen program does not freeze the prompt.
const (
	lineTimeout = time.Second
	hintTimeout = 200 * time.Millisecond
)

// Line completes the line at the cursor, an offset in bytes. It takes a second at
// most: the note then says who has not answered, and the candidates are those that
// are known without.
func Line(ctx context.Context, sh Shell, line string, cursor int) Result {
	ctx, cancel := context.WithTimeout(ctx, lineTimeout)
	defer cancel()
	l := newLookup(ctx, sh)
	p := scan(line[:cursor])
	l.line(p)
	return l.result(p)
}

func newLookup(ctx context.Context, sh Shell) *lookup {
	return &lookup{ctx: ctx, sh: sh, dir: sh.Dir()}
}
