//go:build unix

package fs

import (
	"syscall"
	"testing"
)

// Idle clients of a program that may open few files must leave it some.
func TestConnsOfFewFiles(t *testing.T) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old) })
	few := old
	few.Cur = 40
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	if got := (Limits{}).withDefaults().Conns; got != 10 {
		t.Errorf("%d connections of 40 files", got)
	}
	if got := (Limits{Conns: 30}).withDefaults().Conns; got != 30 {
		t.Errorf("%d connections, where 30 were asked for", got)
	}
}
