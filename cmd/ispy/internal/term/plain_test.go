package term

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What follows a line is left to the command that the line runs.
func TestPipe(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1", "XDG_STATE_HOME="+t.TempDir())
	cmd.Stdin = strings.NewReader("hello\nfor; do\ndone\nrun read x; echo mine: $x\nrest\nlast")
	out, err := cmd.CombinedOutput()
	want := `(ispyd) got "hello"
(ispyd) > got "for; do\ndone"
(ispyd) mine: rest
ran: <nil>
(ispyd) got "last"
(ispyd) bye
`
	if string(out) != want || err != nil {
		t.Errorf("got %s, %v, want %s", out, err, want)
	}
}
