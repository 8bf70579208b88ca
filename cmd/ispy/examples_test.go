package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/cmd/ispy/internal/shell"
)

// Every command has a line of documentation and examples, and those run, in
// order, in the directory of a program; those that look into its memory, in the
// sample's, since test binaries have no debug information. diff and grep may say
// that there is a difference or nothing to be found.
func TestExamples(t *testing.T) {
	conf, pid := startProgram(t, "calm")
	sampleConf, samplePID := startSample(t)
	sh, err := shell.New(shell.Options{Verbs: verbs()})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range sh.Verbs() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			if v.Doc == "" || strings.HasSuffix(v.Doc, ".") || v.Doc[0] < 'a' || v.Doc[0] > 'z' {
				t.Errorf("the doc is %q", v.Doc)
			}
			if len(v.Examples) == 0 {
				t.Fatal("no examples")
			}
			dir := t.TempDir()
			conf, pid := conf, pid
			if v.Name == "debug" || v.Name == "console" {
				conf, pid = sampleConf, samplePID
			}
			for _, example := range v.Examples {
				if !strings.Contains(example, v.Name) && !strings.HasPrefix(example, "!") {
					t.Errorf("the example %q is of something else", example)
				}
				cmd := exec.Command("ispy", "-p", pid, "-c", example, conf)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PAGER=cat")
				out, err := cmd.CombinedOutput()
				if code := cmd.ProcessState.ExitCode(); code != 0 && (code != 1 || v.Name != "diff" && v.Name != "grep") {
					t.Errorf("%s: %v\n%s", example, err, out)
				}
			}
		})
	}
}

// help, and help of each command, run too.
func TestHelp(t *testing.T) {
	conf, pid := startProgram(t)
	sh, err := shell.New(shell.Options{Verbs: verbs()})
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, v := range sh.Verbs() {
		script.WriteString("help " + v.Name + "\n")
	}
	out, err := exec.Command("ispy", "-p", pid, "-c", script.String(), conf).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, v := range sh.Verbs() {
		if !strings.Contains(string(out), v.Form()+": "+v.Doc+"\n") {
			t.Errorf("help %s shows not %q", v.Name, v.Form())
		}
	}
	for line := range strings.Lines(string(out)) {
		if len([]rune(line)) > 120 {
			t.Errorf("a long line: %s", line)
		}
	}
}
