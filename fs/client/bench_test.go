package client_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/hugelgupf/p9/p9"

	"github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/nodes"
)

// BenchmarkCat reads one small file, whole: walk, open, read, read to the end,
// clunk. raw is p9.Client alone, http a GET on a connection that is kept.
func BenchmarkCat(b *testing.B) {
	addr := serve(b, fs.Options{Root: nodes.Directory("", "the root", nodes.Directory("process", "a directory", nodes.Static("pid", "the pid", []byte("4711\n"))))})
	names := []string{"process", "pid"}
	b.Run("raw", func(b *testing.B) {
		nc, err := net.Dial("unix", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer nc.Close()
		cl, err := p9.NewClient(nc)
		if err != nil {
			b.Fatal(err)
		}
		root, err := cl.Attach("/")
		if err != nil {
			b.Fatal(err)
		}
		p := make([]byte, 8192)
		b.ReportAllocs()
		for b.Loop() {
			_, f, err := root.Walk(names)
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := f.Open(p9.ReadOnly); err != nil {
				b.Fatal(err)
			}
			n, err := f.ReadAt(p, 0)
			if n != 5 || err != nil {
				b.Fatal(n, err)
			}
			if _, err := f.ReadAt(p, 5); err != io.EOF {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("conn", func(b *testing.B) {
		c := dial(b, addr, client.Options{})
		b.ReportAllocs()
		for b.Loop() {
			data, err := c.ReadFile(b.Context(), "process/pid")
			if len(data) != 5 || err != nil {
				b.Fatal(data, err)
			}
		}
	})
	b.Run("conn-parallel", func(b *testing.B) {
		c := dial(b, addr, client.Options{})
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.ReadFile(b.Context(), "process/pid"); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("stat", func(b *testing.B) {
		c := dial(b, addr, client.Options{})
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Stat(b.Context(), "process/pid"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("http", func(b *testing.B) {
		l, err := net.Listen("unix", filepath.Join(filepath.Dir(addr), "h"))
		if err != nil {
			b.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "4711\n") })}
		go srv.Serve(l)
		defer srv.Close()
		cl := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", l.Addr().String())
		}}}
		b.ReportAllocs()
		for b.Loop() {
			r, err := cl.Get("http://x/process/pid")
			if err != nil {
				b.Fatal(err)
			}
			data, err := io.ReadAll(r.Body)
			r.Body.Close()
			if len(data) != 5 || err != nil {
				b.Fatal(data, err)
			}
		}
		cl.CloseIdleConnections()
	})
}

// BenchmarkRead is one round trip: reading from a file that is open.
func BenchmarkRead(b *testing.B) {
	addr := serve(b, fs.Options{Root: nodes.Directory("", "the root", nodes.Static("pid", "the pid", []byte("4711\n")))})
	p := make([]byte, 100)
	b.Run("raw", func(b *testing.B) {
		nc, err := net.Dial("unix", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer nc.Close()
		cl, err := p9.NewClient(nc)
		if err != nil {
			b.Fatal(err)
		}
		root, err := cl.Attach("/")
		if err != nil {
			b.Fatal(err)
		}
		_, f, err := root.Walk([]string{"pid"})
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := f.Open(p9.ReadOnly); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if n, err := f.ReadAt(p, 0); n != 5 || err != nil {
				b.Fatal(n, err)
			}
		}
		f.Close()
	})
	for name, ctx := range map[string]context.Context{"conn": b.Context(), "conn-background": context.Background()} {
		b.Run(name, func(b *testing.B) {
			c := dial(b, addr, client.Options{})
			f, err := c.Open(b.Context(), "pid", 0)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			b.ReportAllocs()
			for b.Loop() {
				if n, err := f.ReadAt(ctx, p, 0); n != 5 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkBulk reads a large file.
func BenchmarkBulk(b *testing.B) {
	const size = 64 << 20
	addr := serve(b, fs.Options{Limits: fs.Limits{Msize: 1 << 20}, Root: nodes.Directory("", "the root", nodes.Static("big", "much", make([]byte, size)))})
	for name, msize := range map[string]uint32{"64K": 64 << 10, "128K": 128 << 10, "1M": 1 << 20} {
		b.Run("raw/"+name, func(b *testing.B) {
			nc, err := net.Dial("unix", addr)
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			cl, err := p9.NewClient(nc, p9.WithMessageSize(msize))
			if err != nil {
				b.Fatal(err)
			}
			root, err := cl.Attach("/")
			if err != nil {
				b.Fatal(err)
			}
			_, f, err := root.Walk([]string{"big"})
			if err != nil {
				b.Fatal(err)
			}
			if _, _, err := f.Open(p9.ReadOnly); err != nil {
				b.Fatal(err)
			}
			p := make([]byte, msize-512)
			b.SetBytes(size)
			for b.Loop() {
				for off := int64(0); ; {
					n, err := f.ReadAt(p, off)
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					off += int64(n)
				}
			}
			f.Close()
		})
		b.Run("conn/"+name, func(b *testing.B) {
			c := dial(b, addr, client.Options{Msize: msize})
			b.SetBytes(size)
			for b.Loop() {
				f, err := c.Open(b.Context(), "big", 0)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := f.WriteTo(io.Discard); n != size || err != nil {
					b.Fatal(n, err)
				}
				f.Close()
			}
		})
	}
}

// BenchmarkDial is a connection made and closed: what a slow file costs more.
func BenchmarkDial(b *testing.B) {
	addr := serve(b, fs.Options{Root: nodes.Directory("", "the root")})
	for b.Loop() {
		c, err := client.Dial(b.Context(), addr, client.Options{})
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
