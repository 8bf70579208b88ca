package symbols

import (
	"os"
	"runtime"
	"testing"
)

// BenchmarkIndex indexes the executable that SYMBOLS_BINARY names, and a small
// program without it.
func BenchmarkIndex(b *testing.B) {
	path := os.Getenv("SYMBOLS_BINARY")
	if path == "" {
		path = buildHelper(b)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
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
	b.ReportMetric(float64(len(t.sections.info))/1e6, "MB-mapped")
	t.close()
}
