package client

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

func listenUnix(t testing.TB, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func listenTCP(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// proxy stands before the server at addr and may change, drop or add messages:
// it sends on what edit returns.
func proxy(t testing.TB, addr string, edit func(toClient bool, f []byte) [][]byte) string {
	t.Helper()
	return proxyListener(t, listenUnix(t, filepath.Join(shortDir(t), "p")), addr, edit)
}

func proxyListener(t testing.TB, l net.Listener, addr string, edit func(toClient bool, f []byte) [][]byte) string {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("unix", addr)
			if err != nil {
				down.Close()
				continue
			}
			mu.Lock()
			open = append(open, down, up)
			mu.Unlock()
			wg.Go(func() { relay(up, down, func(f []byte) [][]byte { return apply(edit, false, f) }) })
			wg.Go(func() { relay(down, up, func(f []byte) [][]byte { return apply(edit, true, f) }) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

func apply(edit func(bool, []byte) [][]byte, toClient bool, f []byte) [][]byte {
	if edit == nil {
		return [][]byte{f}
	}
	return edit(toClient, f)
}

func relay(dst, src net.Conn, edit func([]byte) [][]byte) {
	defer dst.Close()
	defer src.Close()
	for {
		f, err := readFrame(src)
		if err != nil {
			return
		}
		for _, f := range edit(f) {
			if _, err := dst.Write(f); err != nil {
				return
			}
		}
	}
}

func readFrame(r io.Reader) ([]byte, error) {
	size := make([]byte, 4)
	if _, err := io.ReadFull(r, size); err != nil {
		return nil, err
	}
	f := make([]byte, max(headerSize, le.Uint32(size)))
	copy(f, size)
	_, err := io.ReadFull(r, f[4:])
	return f, err
}
