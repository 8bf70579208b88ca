package fs_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/hugelgupf/p9/fsimpl/staticfs"
	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/nodes"
)

// The file that the benchmarks read, and what a peer serves of the same
// content over the same kind of socket.
const (
	benchText = "14905\n"
	bulkSize  = 64 << 20
)

func benchTree() nodes.Dir {
	return nodes.Directory("", "",
		nodes.Directory("process", "the process",
			nodes.Value("pid", "process id", func(context.Context) (int, error) { return 14905, nil }),
			nodes.Static("static", "the same, constant", []byte(benchText)),
		),
		nodes.Static("bulk", "64 MiB", make([]byte, bulkSize)),
		nodes.Text("text", "64 MiB less a little, rendered", func(_ context.Context, w io.Writer) error {
			b := make([]byte, 1<<20)
			for range bulkSize>>20 - 1 {
				w.Write(b)
			}
			return nil
		}),
	)
}

func benchDial(b *testing.B, addr string, msize uint32) p9.File {
	b.Helper()
	nc, err := net.Dial("unix", addr)
	if err != nil {
		b.Fatal(err)
	}
	c, err := p9.NewClient(nc, p9.WithMessageSize(msize))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	root, err := c.Attach("")
	if err != nil {
		b.Fatal(err)
	}
	return root
}

func benchServer(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("", "x")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	addr := filepath.Join(dir, "s")
	l, err := fs.Listen(addr)
	if err != nil {
		b.Fatal(err)
	}
	s := fs.NewServer(fs.Options{Root: benchTree(), Limits: fs.Limits{Msize: 1 << 20, Conns: 2000}})
	go s.Serve(l)
	b.Cleanup(func() { s.Close() })
	return addr
}

// httpGet returns a function that gets path once over a connection that is kept.
func httpGet(b *testing.B, body []byte) func() {
	b.Helper()
	dir, err := os.MkdirTemp("", "x")
	if err != nil {
		b.Fatal(err)
	}
	addr := filepath.Join(dir, "s")
	l, err := net.Listen("unix", addr)
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })}
	go s.Serve(l)
	t := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", addr) }}
	c := &http.Client{Transport: t}
	b.Cleanup(func() { t.CloseIdleConnections(); s.Close(); os.RemoveAll(dir) })
	return func() {
		r, err := c.Get("http://x/")
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}

// p9Server serves the same small file with p9's own server, which this package
// does not use (see its documentation).
func p9Server(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("", "x")
	if err != nil {
		b.Fatal(err)
	}
	addr := filepath.Join(dir, "s")
	l, err := net.Listen("unix", addr)
	if err != nil {
		b.Fatal(err)
	}
	tree, err := staticfs.New(staticfs.WithFile("pid", benchText))
	if err != nil {
		b.Fatal(err)
	}
	go p9.NewServer(tree).Serve(l)
	b.Cleanup(func() { l.Close(); os.RemoveAll(dir) })
	return addr
}

// benchRead reads an open file again and again; benchCat walks to it, opens it,
// reads and closes it.
func benchRead(b *testing.B, root p9.File, path ...string) {
	_, f, err := root.Walk(path)
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err := f.Open(p9.ReadOnly); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 4096)
	for b.Loop() {
		if n, err := f.ReadAt(buf, 0); err != nil || n != len(benchText) {
			b.Fatal(n, err)
		}
	}
}

func benchCat(b *testing.B, root p9.File, path ...string) {
	buf := make([]byte, 4096)
	for b.Loop() {
		_, f, err := root.Walk(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := f.Open(p9.ReadOnly); err != nil {
			b.Fatal(err)
		}
		if n, err := f.ReadAt(buf, 0); err != nil || n != len(benchText) {
			b.Fatal(n, err)
		}
		f.Close()
	}
}

// BenchmarkSmall compares the reading of a small file. The aims are a round
// trip of at most half a GET, and a cat of at most two.
func BenchmarkSmall(b *testing.B) {
	b.Run("http-get", func(b *testing.B) {
		get := httpGet(b, []byte(benchText))
		for b.Loop() {
			get()
		}
	})
	b.Run("p9-server-read", func(b *testing.B) { benchRead(b, benchDial(b, p9Server(b), 64<<10), "pid") })
	b.Run("p9-server-cat", func(b *testing.B) { benchCat(b, benchDial(b, p9Server(b), 64<<10), "pid") })
	b.Run("read", func(b *testing.B) { benchRead(b, benchDial(b, benchServer(b), 64<<10), "process", "pid") })
	b.Run("cat", func(b *testing.B) { benchCat(b, benchDial(b, benchServer(b), 64<<10), "process", "pid") })
	b.Run("cat-static", func(b *testing.B) { benchCat(b, benchDial(b, benchServer(b), 64<<10), "process", "static") })
	b.Run("getattr", func(b *testing.B) {
		root := benchDial(b, benchServer(b), 64<<10)
		for b.Loop() {
			if _, _, _, err := root.GetAttr(p9.AttrMaskAll); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkBulk reads a large file. The aims are 0.7 GB/s at an msize of 64 KiB,
// and 1 GB/s at 1 MiB.
func BenchmarkBulk(b *testing.B) {
	b.Run("http-get", func(b *testing.B) {
		get := httpGet(b, make([]byte, bulkSize))
		b.SetBytes(bulkSize)
		for b.Loop() {
			get()
		}
	})
	for _, name := range []string{"bulk", "text"} {
		for _, msize := range []int{64 << 10, 128 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s-%dk", name, msize>>10), func(b *testing.B) {
				root := benchDial(b, benchServer(b), uint32(msize))
				_, f, err := root.Walk([]string{name})
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err := f.Open(p9.ReadOnly); err != nil {
					b.Fatal(err)
				}
				buf := make([]byte, 1<<20)
				total := int64(0)
				for b.Loop() {
					total = 0
					for {
						n, err := f.ReadAt(buf, total)
						total += int64(n)
						if err == io.EOF {
							break
						}
						if err != nil {
							b.Fatal(err)
						}
					}
				}
				b.SetBytes(total)
			})
		}
	}
}

// BenchmarkIdle reports what an idle connection costs the server in heap: the
// aim is at most 100 KiB at the msize that p9's clients ask for. The few hundred
// bytes of the client's end are in it.
func BenchmarkIdle(b *testing.B) {
	const conns = 100
	idle := func(b *testing.B, addr string, msize uint32, path ...string) {
		for b.Loop() {
			before := heap()
			var all []net.Conn
			for range conns {
				c := rawDial(b, addr)
				rawUse(b, c, msize, path...)
				all = append(all, c)
			}
			b.ReportMetric(float64(heap()-before)/conns, "B/conn")
			for _, c := range all {
				c.Close()
			}
		}
	}
	b.Run("p9-server-64k", func(b *testing.B) { idle(b, p9Server(b), 64<<10, "pid") })
	for _, msize := range []uint32{8 << 10, 64 << 10, 128 << 10} {
		b.Run(fmt.Sprintf("%dk", msize>>10), func(b *testing.B) { idle(b, benchServer(b), msize, "process", "pid") })
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
