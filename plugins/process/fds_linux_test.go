package process

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ispyd/ispyd/internal/report"
)

// fdOf returns the descriptor of a file or connection.
func fdOf(t *testing.T, c syscall.Conn) int {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	fd := -1
	if err := raw.Control(func(n uintptr) { fd = int(n) }); err != nil {
		t.Fatal(err)
	}
	return fd
}

func closeLater(t *testing.T, c io.Closer) {
	t.Cleanup(func() { c.Close() })
}

// must fails the test, or returns what was made and closes it in the end.
func must[T io.Closer](t *testing.T) func(T, error) T {
	return func(c T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		closeLater(t, c)
		return c
	}
}

// accept accepts one connection that dial makes.
func accept(t *testing.T, l net.Listener, network string) (server, client net.Conn) {
	t.Helper()
	type result struct {
		conn net.Conn
		err  error
	}
	accepted := make(chan result, 1)
	go func() {
		conn, err := l.Accept()
		accepted <- result{conn, err}
	}()
	client = must[net.Conn](t)(net.Dial(network, l.Addr().String()))
	r := <-accepted
	return must[net.Conn](t)(r.conn, r.err), client
}

func TestFDs(t *testing.T) {
	dir, err := os.MkdirTemp("", "x")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })

	tcp := must[net.Listener](t)(net.Listen("tcp4", "127.0.0.1:0"))
	tcpServer, tcpClient := accept(t, tcp, "tcp")
	if _, err := tcpClient.Write([]byte("12345")); err != nil {
		t.Fatal(err)
	}
	unix := must[net.Listener](t)(net.Listen("unix", filepath.Join(dir, "s")))
	unixServer, unixClient := accept(t, unix, "unix")
	udp := must[*net.UDPConn](t)(net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}))
	gram := must[*net.UnixConn](t)(net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "g"), Net: "unixgram"}))
	file := must[*os.File](t)(os.OpenFile(filepath.Join(dir, "f"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600))
	if _, err := file.WriteString("some bytes"); err != nil {
		t.Fatal(err)
	}
	folder := must[*os.File](t)(os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0))
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, reader)
	closeLater(t, writer)
	// The five bytes have arrived when they can be looked at.
	waitReadable(t, tcpServer.(*net.TCPConn))

	table, err := system{}.fds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byFD := make(map[int]descriptor)
	last := -1
	for _, d := range table.rows {
		if d.FD <= last {
			t.Errorf("descriptor %d after %d", d.FD, last)
		}
		last = d.FD
		byFD[d.FD] = d
	}
	offset := int64(len("some bytes"))
	for _, c := range []struct {
		what string
		conn syscall.Conn
		want descriptor
		recv int // bytes in the receive queue, -1 for no queue
	}{
		{"listener", tcp.(*net.TCPListener), descriptor{Kind: "tcp", Local: report.Word(tcp.Addr().String()), State: "listen"}, -1},
		{"server", tcpServer.(*net.TCPConn), descriptor{Kind: "tcp", Local: report.Word(tcp.Addr().String()), Peer: report.Word(tcpClient.LocalAddr().String()), State: "established"}, 5},
		{"client", tcpClient.(*net.TCPConn), descriptor{Kind: "tcp", Local: report.Word(tcpClient.LocalAddr().String()), Peer: report.Word(tcp.Addr().String()), State: "established"}, 0},
		{"unix listener", unix.(*net.UnixListener), descriptor{Kind: "unix", Local: report.Word(unix.Addr().String()), State: "listen"}, -1},
		{"unix server", unixServer.(*net.UnixConn), descriptor{Kind: "unix", Local: report.Word(unix.Addr().String()), State: "connected"}, 0},
		{"unix client", unixClient.(*net.UnixConn), descriptor{Kind: "unix", Peer: report.Word(unix.Addr().String()), State: "connected"}, 0},
		{"udp", udp, descriptor{Kind: "udp", Local: report.Word(udp.LocalAddr().String())}, 0},
		{"datagrams", gram, descriptor{Kind: "unix-dgram", Local: report.Word(gram.LocalAddr().String())}, 0},
		{"file", file, descriptor{Kind: "file", Target: report.Word(file.Name()), Flags: "read,write,append", Offset: &offset}, -1},
		{"directory", folder, descriptor{Kind: "directory", Target: report.Word(dir), Flags: "read"}, -1},
		{"pipe", reader, descriptor{Kind: "pipe", Flags: "read,nonblock"}, -1},
		{"pipe", writer, descriptor{Kind: "pipe", Flags: "write,nonblock"}, -1},
	} {
		d, ok := byFD[fdOf(t, c.conn)]
		if !ok {
			t.Errorf("%s: not in the table", c.what)
			continue
		}
		if d.Kind != c.want.Kind || d.Local != c.want.Local || d.Peer != c.want.Peer || d.State != c.want.State || d.Flags != c.want.Flags {
			t.Errorf("%s: %+v, want %+v", c.what, d, c.want)
		}
		if c.want.Target != "" && d.Target != c.want.Target {
			t.Errorf("%s: target %q, want %q", c.what, d.Target, c.want.Target)
		}
		if c.want.Offset != nil && (d.Offset == nil || *d.Offset != *c.want.Offset) {
			t.Errorf("%s: offset %v, want %d", c.what, d.Offset, *c.want.Offset)
		}
		if c.recv < 0 != (d.RecvQ == nil) || d.RecvQ != nil && int(*d.RecvQ) != c.recv {
			t.Errorf("%s: %v bytes wait, want %d", c.what, d.RecvQ, c.recv)
		}
	}
	if d := byFD[fdOf(t, unixServer.(*net.UnixConn))]; !strings.Contains(string(d.Detail), "peer-pid=") {
		t.Errorf("the unix connection does not tell its peer: %+v", d)
	}
}

// waitReadable waits until bytes have arrived, and leaves them there.
func waitReadable(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var peekErr error
	err = raw.Read(func(fd uintptr) bool {
		var b [8]byte
		_, _, peekErr = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		return peekErr != syscall.EAGAIN
	})
	if err = errors.Join(err, peekErr); err != nil {
		t.Fatal(err)
	}
}

// TestAskingChangesNothing describes descriptors that are not what the listing
// said, as happens where one is closed and its number taken again.
func TestAskingChangesNothing(t *testing.T) {
	file := must[*os.File](t)(os.Open(os.DevNull))
	for _, fd := range []int{fdOf(t, file), 1 << 20} {
		d := descriptor{FD: fd, Kind: "socket"}
		describeSocket(fd, &d)
		if d != (descriptor{FD: fd, Kind: "socket"}) {
			t.Errorf("%d, which is no socket: %+v", fd, d)
		}
	}
	if d, ok := (system{}).describe(1<<20, make([]byte, 64)); ok {
		t.Errorf("a descriptor that is not open: %+v", d)
	}
}

func TestFDsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (system{}).fds(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("fds: %v, want %v", err, context.Canceled)
	}
	if _, err := (system{}).threads(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("threads: %v, want %v", err, context.Canceled)
	}
}

func BenchmarkFDs(b *testing.B) {
	const files, sockets = 2000, 2000
	var open []io.Closer
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range files {
		f, err := os.Open("/etc/passwd")
		if err != nil {
			b.Skip(err)
		}
		open = append(open, f)
	}
	for range sockets / 2 {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err != nil {
			b.Skip(err)
		}
		open = append(open, os.NewFile(uintptr(fds[0]), "a"), os.NewFile(uintptr(fds[1]), "b"))
	}
	for b.Loop() {
		table, err := system{}.fds(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := table.MarshalText(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(files+sockets), "ns/fd")
}

func BenchmarkThreads(b *testing.B) {
	for b.Loop() {
		if _, err := (system{}).threads(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		if _, err := (system{}).memory(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
