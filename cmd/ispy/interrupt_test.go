package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Ctrl-C ends a script, and at the program what it waits for.
func TestInterruptedScript(t *testing.T) {
	conf, program, said := startProgramTalking(t)
	pid := fmt.Sprint(program.Process.Pid)
	for _, script := range []string{
		"cat test/hang; echo not reached",
		"cat test/hang | cat",
		"x=$(cat test/hang)",
		"watch -n 0.1 'cat test/hang'",
		"cp -r test local:" + filepath.Join(t.TempDir(), "copy"),
	} {
		cmd := exec.Command("ispy", "-timeout", "1m", "-p", pid, "-c", script, conf)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		says := func(want string) {
			t.Helper()
			if line, err := said.ReadString('\n'); err != nil || line != want+"\n" {
				t.Fatalf("%s: the program said %q, %v, want %s", script, line, err, want)
			}
		}
		says("hanging")
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		says("cancelled")
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 || strings.Contains(out.String(), "not reached") {
			t.Errorf("%s: code %d, %s", script, code, out.String())
		}
	}
}

// Two configurations may have programs of the same pid only where they are the
// same, or named apart.
func TestSeveralConfigurations(t *testing.T) {
	conf, pid := startProgram(t)
	other, otherPID := startProgram(t)
	out, err := exec.Command("ispy", "-c", "servers; ls /; cat /"+pid+"/pid /"+otherPID+"/pid", conf, other, conf).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.HasSuffix(string(out), pid+"\n"+otherPID+"\n") || strings.Contains(string(out), "@") || strings.Count(string(out), "running") != 2 {
		t.Errorf("%s", out)
	}
}
