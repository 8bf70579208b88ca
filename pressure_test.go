//go:build linux

package ispyd_test

import (
	"bufio"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/nodes"
)

// crowd holds many goroutines, and then lets itself have 50 MB more.
const crowd = `package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"

	"github.com/ispyd/ispyd"
)

func wait(c chan int, depth int) {
	if depth > 0 {
		wait(c, depth-1)
		return
	}
	<-c
}

func main() {
	n, _ := strconv.Atoi(os.Args[2])
	c := make(chan int)
	for i := range n {
		go wait(c, i%10)
	}
	runtime.GC()
	debug.FreeOSMemory()
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	held := int64(s[0].Value.Uint64() - s[1].Value.Uint64())
	debug.SetMemoryLimit(held + 50<<20)
	srv, err := ispyd.Start(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(srv.Addr())
	io.Copy(io.Discard, os.Stdin)
	srv.Close()
}
`

// Reading every listed file of a program with 400,000 goroutines and little
// memory left keeps it alive, and within the bound of a rendering.
func TestPressure(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: holds 400,000 goroutines, 1.2 GB")
	}
	dir := socketDir(t)
	config := filepath.Join(dir, "ispyd.toml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n", filepath.Join(dir, "%(pid)s.sock")), 0o600))
	cmd := exec.Command(program(t, "crowd", crowd), config, "400000")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer cmd.Wait()
	defer stdin.Close()
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	addr = addr[:len(addr)-1]
	c, err := client.Dial(t.Context(), addr, client.Options{Timeout: 2 * time.Minute})
	if err != nil {
		t.Fatalf("%s: %v", addr, err)
	}
	defer c.Close()
	before := peakRSS(t, cmd.Process.Pid)
	files := 0
	err = iofs.WalkDir(c.FS(t.Context()), ".", func(name string, d iofs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := c.FS(t.Context()).Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		n, err := io.Copy(io.Discard, f)
		if n > nodes.MaxRendering+(64<<10) {
			t.Errorf("%s: %d bytes, more than the bound of a rendering", name, n)
		}
		files++
		return err
	})
	if err != nil || files < 50 {
		t.Errorf("%d files read: %v", files, err)
	}
	if b, err := c.ReadFile(t.Context(), "process/pid"); err != nil || string(b) != fmt.Sprintln(cmd.Process.Pid) {
		t.Errorf("the program afterwards: %q, %v", b, err)
	}
	t.Logf("peak RSS %d MiB before, %d MiB after reading %d files", before>>20, peakRSS(t, cmd.Process.Pid)>>20, files)
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
}

func peakRSS(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmHWM in\n%s", status)
	}
	kb, err := strconv.ParseInt(string(m[1]), 10, 64)
	must(t, err)
	return kb << 10
}
