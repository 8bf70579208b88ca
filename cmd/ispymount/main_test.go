//go:build linux

package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
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
		go tellHeap()
		os.Exit(command(os.Args[1:], os.Stdout, os.Stderr))
	case "looks":
		os.Exit(looks(os.Args[1], os.Args[2]))
	case "program":
		os.Exit(program(os.Args[1:]))
	case "syscalls":
		os.Exit(makeSystemCalls(os.Args[1]))
	}
	testscript.Main(m, map[string]func(){"ispymount": main})
}

// tellHeap prints the bytes that live on the heap at each SIGUSR1.
func tellHeap() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	for range asked {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		fmt.Fprintf(os.Stderr, "heap %d\n", stats.HeapAlloc)
	}
}

// looks looks a file up n times.
func looks(name, n string) int {
	times, _ := strconv.Atoi(n)
	for range times {
		if _, err := os.Stat(name); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return 0
}
