//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

// TestLacking runs ispymount where something is missing that it needs, as in a
// container.
func TestLacking(t *testing.T) {
	t.Parallel()
	need.Tools(t, "bwrap")
	w := newWorld(t)
	for _, test := range []struct{ name, bwrap, want string }{
		{"no device", "--dev /dev", "ispymount: /dev/fuse is missing: "},
		{"no capability", "--unshare-user --uid 0 --gid 0 --cap-drop ALL --dev-bind /dev /dev", "CAP_SYS_ADMIN"},
		{"no fusermount3", "--unshare-user --uid 1000 --gid 1000 --cap-drop ALL --dev-bind /dev /dev --ro-bind /dev/null /usr/bin/fusermount3 --ro-bind-try /dev/null /usr/bin/fusermount --setenv PATH /nowhere",
			"install the package fuse3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := strings.Fields("--ro-bind / / --bind " + w.dir + " " + w.dir + " --die-with-parent " + test.bwrap)
			child := w.child("ispymount", w.config, w.mnt)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, "bwrap", append(append(args, "--"), child.Args...)...)
			cmd.Env = child.Env
			out, err := cmd.CombinedOutput()
			if strings.HasPrefix(string(out), "bwrap: ") {
				t.Skipf("NOT TESTED: %s", out)
			}
			if err == nil || cmd.ProcessState.ExitCode() != exitError {
				t.Errorf("exit code %d, want %d", cmd.ProcessState.ExitCode(), exitError)
			}
			w.wantIn(string(out), test.want)
			if n := strings.Count(string(out), "\n"); n != 1 {
				t.Errorf("%d lines, want one:\n%s", n, out)
			}
			if _, err := os.Stat(w.mnt); err == nil {
				t.Error("it left the directory that it made")
			}
		})
	}
}
