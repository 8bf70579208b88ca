package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startProgram starts a program that embeds ispyd, and returns its configuration
// and pid.
func startProgram(t testing.TB, args ...string) (conf, pid string) {
	conf, cmd, _ := startProgramTalking(t, args...)
	return conf, fmt.Sprint(cmd.Process.Pid)
}

// startProgramTalking is startProgram for those who listen to what the program
// says.
func startProgramTalking(t testing.TB, args ...string) (conf string, cmd *exec.Cmd, said *bufio.Reader) {
	t.Helper()
	dir, err := os.MkdirTemp("", "i") // the paths of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	conf = filepath.Join(dir, "ispyd.toml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n", dir+"/run/%(pid)s.sock"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, said = startIn(t, conf, args...)
	return conf, cmd, said
}

// startIn starts another program with the configuration.
func startIn(t testing.TB, conf string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("program", append([]string{conf}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	said := bufio.NewReader(out)
	if line, err := said.ReadString('\n'); err != nil || !strings.HasPrefix(line, "ready") {
		t.Fatalf("the program said %q, %v", line, err)
	}
	return cmd, said
}

// startSample starts testdata/sample with all that is built in, and has it catch a
// panic of main.total.
func startSample(t testing.TB) (conf, pid string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/sample", "../../testdata/sample").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	conf = filepath.Join(dir, "ispyd.toml")
	text := fmt.Appendf(nil, "[ispyd]\nlisten = %q\n[debugger]\nenabled = true\ninsert = [\"main.total\"]\n[console]\nenabled = true\n", dir+"/run/%(pid)s.sock")
	if err := os.WriteFile(conf, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir+"/sample", "-config", conf, "-http", "localhost:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	said := bufio.NewReader(out)
	for {
		line, err := said.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if _, url, ok := strings.Cut(strings.TrimSpace(line), "listening on "); ok {
			go io.Copy(io.Discard, said)
			if resp, err := http.Get(url + "/panic"); err == nil {
				resp.Body.Close()
			}
			return conf, fmt.Sprint(cmd.Process.Pid)
		}
	}
}
