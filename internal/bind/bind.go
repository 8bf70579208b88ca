// Package bind makes the tree of another 9P2000.L server a directory of this
// one: the plugin that needs no Go.
package bind

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/nodes"
)

// Tree is the root of another server's tree. It is a nodes.Dir. It dials when
// it is first used, and again after the server has gone.
type Tree struct {
	dir
	addr    string
	timeout time.Duration
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	work    sync.WaitGroup // closing files, dialling

	mu      sync.Mutex
	conn    *client.Conn
	dialing *dialing
	closed  bool
}

// New returns the tree of the server at addr, a socket's path or host:port, as
// a directory called name. Each operation fails with ErrTimeout when the server
// has not answered within timeout; slow files last as long as their request.
func New(name, doc, addr string, timeout time.Duration) *Tree {
	t := &Tree{addr: addr, timeout: timeout}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.dir = dir{tree: t, name: name, doc: doc}
	return t
}

// Explain implements nodes.Explainer: what the other server shows is not walked
// to explain this one.
func (t *Tree) Explain() []nodes.Help {
	return []nodes.Help{{Path: "PATH", Kind: "file", Doc: "whatever the server at " + t.addr + " shows"}}
}

// Close hangs up. Later operations fail.
func (t *Tree) Close() error {
	t.mu.Lock()
	conn := t.conn
	t.conn, t.closed = nil, true
	t.mu.Unlock()
	t.stop()
	if conn != nil {
		conn.Close()
	}
	t.work.Wait()
	return nil
}

// dialing is one attempt to connect, shared by all who wait for it.
type dialing struct {
	done chan struct{}
	conn *client.Conn
	err  error
}

// connect returns the connection, dialling if there is none that lives.
func (t *Tree) connect(ctx context.Context) (*client.Conn, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, nodes.Errorf(fs.ErrClosed, "the tree is closed")
	}
	if c := t.conn; c != nil {
		select {
		case <-c.Done():
			t.conn = nil
			t.work.Go(func() { c.Close() })
		default:
			t.mu.Unlock()
			return c, nil
		}
	}
	d := t.dialing
	if d == nil {
		d = &dialing{done: make(chan struct{})}
		t.dialing = d
		t.work.Go(func() { t.dial(d) })
	}
	t.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// dial connects without the context of who asked: others may wait for it too.
func (t *Tree) dial(d *dialing) {
	ctx, cancel := context.WithTimeout(t.ctx, t.timeout)
	defer cancel()
	d.conn, d.err = client.Dial(ctx, t.addr, client.Options{Timeout: t.timeout})
	t.mu.Lock()
	t.dialing = nil
	if d.err == nil && t.closed {
		d.conn.Close()
		d.conn, d.err = nil, nodes.Errorf(fs.ErrClosed, "the tree is closed")
	}
	t.conn = d.conn
	t.mu.Unlock()
	close(d.done)
}

// wrap makes an error of the client one of this tree: its text says which
// server it is from, its sentinel is kept.
func (t *Tree) wrap(err error) error {
	if err == nil {
		return nil
	}
	var e *client.Error
	if errors.As(err, &e) && e.Text != "" {
		return nodes.Errorf(err, "%s: %s", t.addr, e.Text)
	}
	return nodes.Errorf(err, "%s: %v", t.addr, err)
}
