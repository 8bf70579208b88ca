//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// BenchmarkRead compares opening, reading and closing a small file through the
// mount with an HTTP/1.1 GET of the like on a connection that is kept, over a
// unix socket of the same program. Neither is served by this process.
//
//	http    the GET
//	fresh   a file that no look of the last 20 ms has taken a snapshot of
//	shared  looks within a second, which share one
//	ratio   fresh and GET in turn: how many GETs one fresh read takes
func BenchmarkRead(b *testing.B) {
	read := func(b *testing.B, share string, files int) func() {
		b.Setenv(shareEnv, share)
		w := newWorld(b)
		w.many = files
		p := w.start()
		w.serve()
		buf := make([]byte, 8<<10)
		next := 0
		return func() {
			next = (next + 1) % files
			f, err := os.Open(fmt.Sprintf("%s/many/n%04d", p.dir, next))
			if err != nil {
				b.Fatal(err)
			}
			n, err := f.Read(buf)
			if err != nil || string(buf[:n]) != strconv.Itoa(next)+"\n" {
				b.Fatalf("%q, %v", buf[:n], err)
			}
			if n, err := f.Read(buf); n != 0 || err != io.EOF {
				b.Fatalf("%d bytes, %v at the end", n, err)
			}
			f.Close()
		}
	}
	get := func(b *testing.B) func() {
		w := newWorld(b)
		p := w.start()
		socket := filepath.Join(w.dir, "s", strconv.Itoa(p.cmd.Process.Pid)+".sock"+httpSuffix)
		client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}}
		want := strconv.Itoa(p.cmd.Process.Pid) + "\n"
		return func() {
			res, err := client.Get("http://x/pid")
			if err != nil {
				b.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || string(body) != want {
				b.Fatalf("%q, %v", body, err)
			}
			res.Body.Close()
		}
	}
	one := func(name string, setup func(*testing.B) func()) {
		b.Run(name, func(b *testing.B) {
			op := setup(b)
			op() // makes the connection
			for b.Loop() {
				op()
			}
		})
	}
	one("http", get)
	one("fresh", func(b *testing.B) func() { return read(b, "20ms", 2000) })
	one("shared", func(b *testing.B) func() { return read(b, "1s", 1) })
	b.Run("ratio", func(b *testing.B) {
		file, page := read(b, "20ms", 2000), get(b)
		file()
		page()
		var files, pages time.Duration
		for b.Loop() {
			start := time.Now()
			file()
			middle := time.Now()
			page()
			files, pages = files+middle.Sub(start), pages+time.Since(middle)
		}
		b.ReportMetric(files.Seconds()/pages.Seconds(), "GETs/read")
	})
}

// BenchmarkBulk reads 60 MiB through the mount.
func BenchmarkBulk(b *testing.B) {
	w := newWorld(b)
	p := w.start()
	w.serve()
	buf := make([]byte, 1<<20)
	b.SetBytes(60 << 20)
	for b.Loop() {
		f, err := os.Open(filepath.Join(p.dir, "large", "huge"))
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, buf)
		if err != nil || n != 60<<20 {
			b.Fatal(n, err)
		}
		f.Close()
	}
}
