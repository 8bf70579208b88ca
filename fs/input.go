package fs

import (
	"fmt"
	"time"
)

// smallInput is the size of the buffer that an idle connection keeps.
const smallInput = 4 << 10

// input cuts what the client sends into frames. The reader uses it.
type input struct {
	small [smallInput]byte
	buf   []byte // small, or a larger one while a large frame is read
	r, w  int    // buf[r:w] has been read but not used
	timed bool   // a frame's deadline is set
}

// readFrame returns the next whole frame. It is valid until the next call. A
// frame that is not there as a whole holds no more than twice the memory of
// what has come of it, and has a deadline. Several that have come at once cost
// one read(2).
func (c *conn) readFrame() (frame, error) {
	in := &c.in
	most := uint32(maxVersion)
	if c.msize > 0 {
		most = c.msize
	}
	for {
		have := in.w - in.r
		need := headerSize
		if have >= 4 {
			size := le.Uint32(in.buf[in.r:])
			if size < headerSize || size > most {
				return nil, violation(fmt.Sprintf("a message of %d bytes, where %d to %d are taken", size, headerSize, most))
			}
			need = int(size)
		}
		if have >= need {
			f := frame(in.buf[in.r : in.r+need : in.r+need])
			in.r += need
			if in.timed {
				in.timed = false
				c.nc.SetReadDeadline(time.Time{})
			}
			return f, nil
		}
		// Before the version there is a deadline for the whole handshake.
		if have > 0 && !in.timed && c.msize > 0 {
			in.timed = true
			c.nc.SetReadDeadline(time.Now().Add(c.srv.lim.Frame))
		}
		in.room(need)
		n, err := c.nc.Read(in.buf[in.w:])
		in.w += n
		if err != nil && n == 0 {
			return nil, err
		}
	}
}

// room makes room to read more of a frame of need bytes.
func (in *input) room(need int) {
	have := in.w - in.r
	switch {
	case have == 0:
		if len(in.buf) != smallInput {
			in.buf = in.small[:] // and let go of a larger one
		}
	case in.r+need <= len(in.buf):
		return
	case have < len(in.buf):
		copy(in.buf, in.buf[in.r:in.w])
	default:
		larger := make([]byte, min(2*len(in.buf), need))
		copy(larger, in.buf)
		in.buf = larger
	}
	in.r, in.w = 0, have
}
