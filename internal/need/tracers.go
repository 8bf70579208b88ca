package need

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Delve builds dlv, in the version whose packages ispy links, and returns its path.
func Delve(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "install", "github.com/go-delve/delve/cmd/dlv@v1.27.2")
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go install dlv: %v\n%s", err, out)
	}
	return filepath.Join(dir, "dlv")
}

// Strace attaches strace to a process and returns once it is, with strace's own
// process id and a way to detach it, which the end of the test does too.
func Strace(t testing.TB, pid int) (tracer int, detach func()) {
	t.Helper()
	cmd := exec.Command(Tools(t, "strace"), "-f", "-o", "/dev/null", "-p", strconv.Itoa(pid))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// strace tells each thread that it attaches; the first is the leader.
	r := bufio.NewReader(stderr)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "attached") {
		cmd.Process.Kill()
		cmd.Wait()
		Skip(t, fmt.Sprintf("strace does not attach: %s%v", line, err))
	}
	read := make(chan bool)
	go func() { io.Copy(io.Discard, r); close(read) }()
	detached := false
	detach = func() {
		if detached {
			return
		}
		detached = true
		cmd.Process.Signal(os.Interrupt)
		<-read
		cmd.Wait()
	}
	t.Cleanup(detach)
	return cmd.Process.Pid, detach
}
