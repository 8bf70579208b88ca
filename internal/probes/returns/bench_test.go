//go:build linux && amd64

package returns_test

import (
	"errors"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/ispyd/ispyd/internal/abi"
	"github.com/ispyd/ispyd/internal/probes/panics"
	"github.com/ispyd/ispyd/internal/probes/returns"
)

var errBench = errors.New("bench")

//go:noinline
func fill(b *[32]byte) { b[3] = 1 }

//go:noinline
func work(n int) (int, error) {
	var b [32]byte
	fill(&b)
	if n&1 == 1 {
		return n, errBench
	}
	return n + int(b[3]), nil
}

const workName = "github.com/ispyd/ispyd/internal/probes/returns_test.work"

// workFunction is work's description; the programs of tests have no debug information.
func workFunction() returns.Function {
	t := reflect.TypeOf(work)
	s := &returns.Signature{Error: 1}
	for i := range t.NumIn() {
		s.Params = append(s.Params, abi.Param{Type: abi.FromReflect(t.In(i))})
	}
	for i := range t.NumOut() {
		s.Params = append(s.Params, abi.Param{Type: abi.FromReflect(t.Out(i)), Result: true})
	}
	return returns.Function{Name: workName, Signature: s}
}

func calls(b *testing.B, n int) {
	for b.Loop() {
		work(n)
	}
}

func insert(b *testing.B, o returns.ErrorOptions) *returns.Probe {
	b.Helper()
	returns.Unprotect()
	p, err := returns.InsertError(workFunction(), o)
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() {
		if err := p.Remove(); err != nil {
			b.Error(err)
		}
	})
	return p
}

// BenchmarkNil: a function that returns nil, bare and with probes.
func BenchmarkNil(b *testing.B) {
	b.Run("bare", func(b *testing.B) { calls(b, 2) })
	b.Run("panic-probe", func(b *testing.B) {
		if err := panics.Install(func(*panics.Panic) {}); err != nil {
			b.Skip(err)
		}
		defer panics.Remove()
		calls(b, 2)
	})
	b.Run("error-probe", func(b *testing.B) {
		insert(b, returns.ErrorOptions{Share: -1})
		calls(b, 2)
	})
}

// BenchmarkError: a function that returns an error.
func BenchmarkError(b *testing.B) {
	b.Run("bare", func(b *testing.B) { calls(b, 1) })
	b.Run("counted", func(b *testing.B) {
		insert(b, returns.ErrorOptions{Rate: 1e-9, Burst: 1, Share: -1})
		work(1)
		calls(b, 1)
	})
	// What a capture costs the function itself, the waking included for the first
	// of each 50; the keeping goes on elsewhere.
	b.Run("captured", func(b *testing.B) {
		got := make(chan bool, 1000)
		insert(b, returns.ErrorOptions{Rate: 1e9, Burst: 1 << 40, Share: -1, OnCapture: func(*returns.Capture) { got <- true }})
		runtime.GC()
		var inFunction time.Duration
		n := 0
		for b.Loop() {
			begin := time.Now()
			for range 50 {
				work(1)
			}
			inFunction += time.Since(begin)
			n += 50
			for range 50 {
				<-got
			}
		}
		b.ReportMetric(float64(inFunction)/float64(n), "ns/capture")
	})
}

// BenchmarkObserve: an observed function, its calls delivered meanwhile.
func BenchmarkObserve(b *testing.B) {
	b.Run("bare", func(b *testing.B) { calls(b, 2) })
	b.Run("observed", func(b *testing.B) {
		returns.Unprotect()
		p, err := returns.Observe(workFunction(), returns.ObserveOptions{Count: -1, For: -1, Share: -1})
		if err != nil {
			b.Skip(err)
		}
		calls(b, 2)
		s := p.Stats()
		b.ReportMetric(100*float64(s.Dropped)/float64(s.Hits+s.Dropped+1), "%dropped")
		if err := p.Remove(); err != nil {
			b.Error(err)
		}
	})
}
