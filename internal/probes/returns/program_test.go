//go:build linux && amd64

package returns_test

import (
	"strings"
	"testing"
)

func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	for _, b := range []struct {
		name   string
		errors string // of the stress
		flags  []string
	}{
		{"exe", "1000000", nil},
		{"pie", "200000", []string{"-buildmode=pie"}},
		{"race", "50000", []string{"-race"}},
		{"unoptimised", "200000", []string{"-gcflags=all=-N -l"}},
	} {
		t.Run(b.name, func(t *testing.T) {
			exe := build(t, "program", nil, b.flags...)
			for _, mode := range []string{"refusals", "twice", "full", "onstack", "limit", "budget", "damaged", "callback", "close", "mute", "observe", "observestress", "stress"} {
				if mode == "refusals" && (b.name == "unoptimised" || b.name == "race") {
					continue // nothing is inlined, or there are no leaf functions
				}
				t.Run(mode, func(t *testing.T) {
					out := run(t, exe, mode, b.errors)
					if !strings.HasSuffix(out, "ok\n") {
						t.Error(out)
					}
					if strings.Contains(mode, "stress") {
						t.Log(strings.TrimSpace(out))
					}
				})
			}
		})
	}
}
