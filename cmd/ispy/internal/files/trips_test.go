package files_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

// The requests of 9P2000.L that a reader makes.
const (
	tlopen   = 12
	treaddir = 40
	twalk    = 110
	tread    = 116
	tclunk   = 120
)

// counting stands before a server and counts the requests that it gets.
type counting struct {
	mu       sync.Mutex
	requests map[byte]int
}

func (c *counting) serve(t *testing.T, from, to string) {
	t.Helper()
	l, err := net.Listen("unix", from)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("unix", to)
			if err != nil {
				down.Close()
				continue
			}
			work.Go(func() {
				io.Copy(down, up)
				down.Close()
			})
			work.Go(func() {
				c.relay(up, down)
				up.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
}

func (c *counting) relay(up, down net.Conn) {
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(down, head); err != nil {
			return
		}
		c.mu.Lock()
		c.requests[head[4]]++
		c.mu.Unlock()
		if _, err := up.Write(head); err != nil {
			return
		}
		if _, err := io.CopyN(up, down, int64(binary.LittleEndian.Uint32(head))-5); err != nil {
			return
		}
	}
}

func (c *counting) reset() map[byte]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.requests
	c.requests = map[byte]int{}
	return old
}

// grep -r costs a walk, an open, a read and a clunk for each small file, and no
// more for each directory than its listing.
// ls of a directory costs that of the directory alone.
func TestRoundTrips(t *testing.T) {
	const dirs, each = 5, 20
	var inner []nodes.Node
	for i := range dirs {
		var list []nodes.Node
		for j := range each {
			list = append(list, text(fmt.Sprint("f", j), "some text\n"))
		}
		inner = append(inner, nodes.Directory(fmt.Sprint("d", i), "a directory", list...))
	}
	p := start(t, inner...)
	c := &counting{requests: map[byte]int{}}
	c.serve(t, filepath.Join(p.dir, "4242.sock"), filepath.Join(p.dir, p.pid+".sock"))
	p.space = open(t, filepath.Join(p.dir, "%(pid)s.sock"))
	p.pid = "4242"
	p.want("/4242\n", "ls", "-d", "/4242") // dials
	c.reset()

	p.cd = "test"
	p.fails(1, "", "", "grep", "-r", "nothing")
	got := c.reset()
	files, all := dirs*each, dirs*each+dirs+1
	want := map[byte]int{twalk: all, tlopen: all, tread: files, treaddir: 2 * (dirs + 1), tclunk: all}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("grep -r of %d files in %d directories made the requests %v, want %v", files, dirs+1, got, want)
	}

	if out, _, code := p.run("ls"); code != 0 || len(out) == 0 {
		t.Errorf("ls: code %d, %q", code, out)
	}
	if got, want := fmt.Sprint(c.reset()), fmt.Sprint(map[byte]int{twalk: 1, tlopen: 1, treaddir: 2, tclunk: 1}); got != want {
		t.Errorf("ls made the requests %s, want %s", got, want)
	}
}
