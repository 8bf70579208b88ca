package ispyd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// program is a main package that is built over this module without a file in
// it: the tool chain is told of it by an overlay.
func program(t testing.TB, name, source string, flags ...string) (binary string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(wd, name, "main.go"): file}})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, name)
	args := append([]string{"build", "-overlay", overlayFile, "-o", binary}, flags...)
	var out bytes.Buffer
	cmd := exec.Command("go", append(args, "./"+name)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("go build: %v\n%s\n%s", err, &out, source)
	}
	return binary
}

// hello is a program that imports pkg, and uses it, with or without the library.
func hello(pkg, use string, withLibrary bool) string {
	imports, start := fmt.Sprintf("%q", pkg), ""
	if withLibrary {
		imports += "; " + fmt.Sprintf("%q", module)
		start = "ispyd.Start(`ispyd.toml`)"
	}
	return fmt.Sprintf("package main\n\nimport (%s)\n\nfunc main() { %s; %s }\n", imports, start, use)
}

// BenchmarkSize reports what the library adds to a stripped binary, in MiB, for
// a program with net/http and for one without.
func BenchmarkSize(b *testing.B) {
	for _, c := range []struct{ name, pkg, use string }{
		{"http", "net/http", `http.ListenAndServe("localhost:0", nil)`},
		{"plain", "fmt", `fmt.Println("hello")`},
	} {
		b.Run(c.name, func(b *testing.B) {
			var without, with float64
			for b.Loop() {
				without = size(b, program(b, "bare", hello(c.pkg, c.use, false), "-ldflags=-s -w"))
				with = size(b, program(b, "full", hello(c.pkg, c.use, true), "-ldflags=-s -w"))
			}
			b.ReportMetric(without, "MiB-without")
			b.ReportMetric(with, "MiB-with")
			b.ReportMetric(with-without, "MiB-added")
		})
	}
}

func size(b *testing.B, file string) float64 {
	st, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return float64(st.Size()) / (1 << 20)
}

// BenchmarkIdle reports what a Server with a hundred connections takes while
// nobody asks for anything: CPU time of the process in each second, beside a
// process without one, and heap for each connection (client and server, both in
// this process).
func BenchmarkIdle(b *testing.B) {
	b.Run("without", idle)
	b.Run("with", func(b *testing.B) {
		const conns = 100
		srv := start(b, "[ispyd]\nLISTEN\n")
		before := heap()
		for range conns {
			cat(b, dial(b, srv), "process/pid")
		}
		perConn := float64(heap()-before) / conns
		idle(b)
		b.ReportMetric(perConn/1024, "KiB/conn")
	})
}

// idle measures the CPU time that passes while the process has nothing to do.
func idle(b *testing.B) {
	heap() // the collector's own work is done before
	time.Sleep(time.Second)
	for b.Loop() {
		cpu, at := cpuTime(), time.Now()
		time.Sleep(3 * time.Second)
		b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/time.Since(at).Seconds(), "cpu-µs/s")
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
