package fs_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/internal/need"
)

// diod runs one of the tools of Debian's package diod on s.
func diod(t *testing.T, s *server, tool string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("/usr/sbin/" + tool)
	if err != nil {
		path = need.Tools(t, tool) // a foreign client, of Debian's package diod
	}
	out, err := exec.Command(path, append([]string{"-s", s.addr, "-a", "/"}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %v: %v\n%s", tool, args, err, out)
	}
	return string(out)
}

func TestDiod(t *testing.T) {
	s := start(t, fs.Options{})
	if got := strings.Fields(diod(t, s, "diodls")); len(got) != 9 || got[0] != "big" || got[8] != "session" {
		t.Errorf("the root: %q", got)
	}
	if got := diod(t, s, "diodls", "process"); strings.TrimSpace(got) != "args\npid" {
		t.Errorf("process: %q", got)
	}
	long := diod(t, s, "diodls", "-l", "/process")
	if !strings.Contains(long, "-r--r--r--") || !strings.Contains(long, "pid") {
		t.Errorf("process: %s", long)
	}
	if got := diod(t, s, "diodcat", "process/pid", "level"); got != "14905\n3\n" {
		t.Errorf("cat: %q", got)
	}
	if got := diod(t, s, "diodcat", "big"); got != strings.Repeat("0123456789abcde\n", 1<<16) {
		t.Errorf("big: %d bytes", len(got))
	}
	if got := diod(t, s, "diodcat", "cpu/5ms"); got != "captured for 5ms\n" {
		t.Errorf("a capture: %q", got)
	}
}
