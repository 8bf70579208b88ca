//go:build linux

package main

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is also the programs that the tests run: ispymount itself,
// and a program with a tree of every kind of file.
const roleEnv = "ISPYMOUNT_TEST_ROLE"

// shareEnv changes for how long ispymount shares a snapshot.
const shareEnv = "ISPYMOUNT_TEST_SHARE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "ispymount":
		if d, err := time.ParseDuration(os.Getenv(shareEnv)); err == nil {
			defaultTimes.share = d
		}
		os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
	case "program":
		os.Exit(program(os.Args[1:]))
	case "syscalls":
		os.Exit(makeSystemCalls(os.Args[1]))
	}
	testscript.Main(m, map[string]func(){"ispymount": main})
}
