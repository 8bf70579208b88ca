package fs_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/fs"
)

// FuzzFrames sends whatever bytes as messages of a client that has attached. The
// server must answer or close, and serve others as before.
func FuzzFrames(f *testing.F) {
	seq := func(ms ...msg) []byte {
		var b []byte
		for _, m := range ms {
			b = append(b, m...)
		}
		return b
	}
	f.Add(seq(twalk(1, 0, 1, "process", "pid"), tlopen(2, 1, 0), tread(3, 1, 0, 100), tclunk(4, 1)))
	f.Add(seq(twalk(1, 0, 1, "level"), tlopen(1, 1, 2), twrite(2, 1, 0, "5\n"), tread(3, 1, 0, 100)))
	f.Add(seq(twalk(1, 0, 1, "cpu", "1h"), tlopen(1, 1, 0), tread(2, 1, 0, 100), tflush(3, 2), tflush(4, 3)))
	f.Add(seq(twalk(1, 0, 0, "process"), twalk(2, 0, 0, ".."), tgetattr(3, 0)))
	f.Add(seq(tlopen(1, 0, 0o200000), newMsg(40, 2).u32(0).u64(0).u32(1000).end()))
	f.Add(seq(newMsg(126, 1).u32(0).u32(1).u16(1).str("big").end(), tlopen(2, 1, 0), tlopen(3, 1, 0)))
	f.Add(seq(newMsg(122, 1).u32(0).end(), newMsg(26, 2).u32(0).u32(8).end(), newMsg(8, 3).u32(0).end()))
	f.Add(seq(tversion(8192)))
	f.Add(seq(tattach(1, 0), tattach(2, 1)))
	f.Add([]byte{255, 255, 255, 255, 110, 0, 0})
	f.Add([]byte{7, 0, 0, 0, 250, 0, 0, 6, 0, 0, 0, 110, 0, 0})
	s := start(f, fs.Options{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c := rawSession(t, s.addr)
		done := make(chan struct{})
		go func() {
			defer close(done)
			io.Copy(io.Discard, c)
		}()
		c.Write(b)
		c.(*net.UnixConn).CloseWrite()
		<-done // the server has closed its end
		c.Close()
		served(t, s)
	})
}

// FuzzWalk walks whatever names.
func FuzzWalk(f *testing.F) {
	for _, path := range []string{"process/pid", "", ".", "..", "../..", "process/../level", "level.json", ".json",
		"process/", "/", "cpu/5s", "cpu/-5s", "a\x00b", "\xff", "process/pid/..", strings.Repeat("x/", 20), strings.Repeat("y", 300)} {
		f.Add(path)
	}
	s := start(f, fs.Options{})
	c := rawSession(f, s.addr)
	f.Fuzz(func(t *testing.T, path string) {
		names := strings.Split(path, "/")
		for _, n := range names {
			if len(n) > 1000 {
				t.Skip()
			}
		}
		c.SetDeadline(time.Now().Add(patience))
		m := twalk(1, 0, 1, names...)
		if len(names) > 1000 || len(m) > 64<<10 {
			t.Skip()
		}
		if _, err := c.Write(m); err != nil {
			t.Fatal(err)
		}
		r, err := rawReply(c)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r[4] == 111 && int(le.Uint16(r[7:])) == len(names):
			rawCall(t, c, tclunk(1, 1))
		case r[4] == 111:
			t.Errorf("%q: %d names of %d", path, le.Uint16(r[7:]), len(names))
		case r[4] != 7:
			t.Errorf("%q: %x", path, r)
		}
		rawCall(t, c, tgetattr(1, 0))
	})
}
