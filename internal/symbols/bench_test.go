package symbols

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// BenchmarkIndex indexes a small program, ispy, which links a debugger, and the
// executable that SYMBOLS_BINARY names.
func BenchmarkIndex(b *testing.B) {
	b.Run("small", func(b *testing.B) { index(b, buildHelper(b)) })
	b.Run("ispy", func(b *testing.B) {
		exe := filepath.Join(b.TempDir(), "ispy")
		if out, err := exec.Command("go", "build", "-o", exe, "../../cmd/ispy").CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		index(b, exe)
	})
	if path := os.Getenv("SYMBOLS_BINARY"); path != "" {
		b.Run(filepath.Base(path), func(b *testing.B) { index(b, path) })
	}
}

func index(b *testing.B, path string) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		t, err := newTable(f)
		if err != nil {
			b.Fatal(err)
		}
		t.close()
	}
	b.StopTimer()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	t, err := newTable(f)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "MB-kept")
	b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
	b.ReportMetric(float64(len(t.sections.info))/1e6, "MB-mapped")
	t.close()
}
