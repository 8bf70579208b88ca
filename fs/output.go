package fs

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hugelgupf/p9/linux"
)

// output writes replies, each whole. Its mu is taken before conn.mu.
type output struct {
	mu       sync.Mutex
	deadline time.Time   // the write deadline that is set
	late     atomic.Bool // it passed

	// small is where the reader puts replies together.
	small [smallReply]byte
}

// smallReply is the size up to which the reader's replies need no buffer of
// their own.
const smallReply = 2 << 10

// small returns the reader's own buffer, empty. What is made in it must be sent
// before the next is.
func (c *conn) small() []byte { return c.out.small[:0] }

// reply sends a whole message.
func (c *conn) reply(b []byte) error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.write(b)
}

// replyError sends the reader's Rlerror.
func (c *conn) replyError(tag uint16, errno linux.Errno) error {
	return c.reply(appendError(c.small(), tag, errno))
}

// write hands a message to the kernel; out.mu is held. The deadline is set anew
// when a tenth of it has passed, not each time: setting it costs.
func (c *conn) write(b []byte) error {
	now, most := time.Now(), c.srv.lim.Write
	if c.out.deadline.Sub(now) < most-most/10 {
		c.out.deadline = now.Add(most)
		c.nc.SetWriteDeadline(c.out.deadline)
	}
	c.active.Store(int64(now.Sub(c.srv.started)))
	_, err := c.nc.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.out.late.Store(true)
	}
	return err
}

// buffers holds buffers for large replies.
var buffers sync.Pool

// getBuffer returns a buffer of n bytes.
func getBuffer(n int) *[]byte {
	if b, ok := buffers.Get().(*[]byte); ok && cap(*b) >= n {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n)
	return &b
}

func putBuffer(b *[]byte) { buffers.Put(b) }
