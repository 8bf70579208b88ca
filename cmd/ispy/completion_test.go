package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

// The scripts complete flags and programs in the real shells.
func TestCompletionScripts(t *testing.T) {
	conf, pid := startProgram(t)
	for _, tt := range []struct {
		shell, line, want string
	}{
		{"bash", `COMP_WORDS=(ispy -de); COMP_CWORD=1; _ispy; echo "${COMPREPLY[@]}"`, "-deadline"},
		{"bash", `COMP_WORDS=(ispy CONF -p ""); COMP_CWORD=3; _ispy; echo "${COMPREPLY[@]}"`, pid},
		{"bash", `COMP_WORDS=(ispy -completion f); COMP_CWORD=2; _ispy; echo "${COMPREPLY[@]}"`, "fish"},
		{"bash", `complete -p ispy`, "complete -F _ispy ispy"},
		{"zsh", `echo $_comps[ispy]`, "_ispy"},
		{"zsh", `_arguments() { print -rl -- "$@" }; _ispy | grep deadline`, `-deadline[with -all\: give each program TIME for all of the commands]:value:`},
		{"fish", `complete -C "ispy -de"`, "-deadline\twith -all: give each program TIME for all of the commands"},
		{"fish", `complete -C "ispy CONF -p "`, pid + "\tconnect to the program PID first"},
		{"fish", `complete -C "ispy -completion f"`, "fish\tprint the completion script for SHELL: bash, zsh, fish"},
	} {
		t.Run(tt.shell, func(t *testing.T) {
			args := map[string][]string{"bash": {"--norc"}, "zsh": {"-f"}, "fish": {"--no-config"}}[tt.shell]
			shell := need.Tools(t, tt.shell)
			dir := t.TempDir()
			script, err := exec.Command("ispy", "-completion", tt.shell).Output()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "_ispy")
			if err := os.WriteFile(file, script, 0o600); err != nil {
				t.Fatal(err)
			}
			load := "source " + file + "\n"
			if tt.shell == "zsh" {
				load = "autoload -Uz compinit; compinit -u -d " + dir + "/dump\n" + load
			}
			cmd := exec.Command(shell, append(args, "-c", load+strings.ReplaceAll(tt.line, "CONF", conf))...)
			cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", tt.line, err, out)
			}
			if got := strings.TrimSpace(string(out)); got != tt.want {
				t.Errorf("%s\n got %q\nwant %q", tt.line, got, tt.want)
			}
		})
	}
}
