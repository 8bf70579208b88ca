package debugger_test

import (
	"bufio"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/ispyd/ispyd/internal/need"
)

// BenchmarkPause reports how long another goroutine stands still, at most, while a
// function panics and its traceback is captured: the median of the panics, and the
// longest of all. Beside it the same without a probe, and with a tracepoint of Delve's
// (dlv trace) on the function, which stops the program and lets it go on by itself.
func BenchmarkPause(b *testing.B) {
	needEngine(b)
	const capturing = on + "rate = 1000\nburst = 1000\nshare = 100\n"
	run := func(b *testing.B, before func(b *testing.B, v *victim)) {
		v := start(b, binary(b), capturing)
		before(b, v)
		var median, longest float64
		for b.Loop() {
			var m, l float64
			if _, err := fmt.Sscan(v.do("pace 50"), &m, &l); err != nil {
				b.Fatal(err)
			}
			median, longest = median+m, max(longest, l)
		}
		b.ReportMetric(median/float64(b.N)/1000, "ms-pause")
		b.ReportMetric(longest/1000, "ms-longest")
	}
	b.Run("none", func(b *testing.B) { run(b, func(*testing.B, *victim) {}) })
	b.Run("captured", func(b *testing.B) {
		run(b, func(b *testing.B, v *victim) {
			if got := v.do("ctl insert main.(*Shop).order"); got != "ok" {
				b.Fatal(got)
			}
		})
	})
	b.Run("peer=dlv trace", func(b *testing.B) {
		dlv := need.Delve(b)
		run(b, func(b *testing.B, v *victim) { trace(b, dlv, v) })
	})
}

// trace puts a tracepoint on order, and waits until it has been hit.
func trace(b *testing.B, dlv string, v *victim) {
	cmd := exec.Command(dlv, "trace", "--pid", fmt.Sprint(v.cmd.Process.Pid), `main\.\(\*Shop\)\.order`)
	out, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	hit := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "order(") {
				select {
				case hit <- true:
				default:
				}
			}
		}
		close(hit)
	}()
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGINT)
		cmd.Wait()
	})
	for {
		v.do("order 7")
		select {
		case ok := <-hit:
			if !ok {
				b.Fatal("dlv has ended")
			}
			return
		default:
		}
	}
}
