package fs_test

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
)

var le = binary.LittleEndian

func rawDial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// msg is a message under construction.
type msg []byte

func newMsg(typ byte, tag uint16) msg { return msg{0, 0, 0, 0, typ, byte(tag), byte(tag >> 8)} }
func (m msg) u8(v uint8) msg          { return append(m, v) }
func (m msg) u16(v uint16) msg        { return le.AppendUint16(m, v) }
func (m msg) u32(v uint32) msg        { return le.AppendUint32(m, v) }
func (m msg) u64(v uint64) msg        { return le.AppendUint64(m, v) }
func (m msg) str(s string) msg        { return append(m.u16(uint16(len(s))), s...) }
func (m msg) end() msg                { le.PutUint32(m, uint32(len(m))); return m }

func tversion(msize uint32) msg { return newMsg(100, 0xffff).u32(msize).str("9P2000.L").end() }
func tattach(tag uint16, fid uint32) msg {
	return newMsg(104, tag).u32(fid).u32(^uint32(0)).str("").str("").u32(0).end()
}
func twalk(tag uint16, fid, newfid uint32, names ...string) msg {
	m := newMsg(110, tag).u32(fid).u32(newfid).u16(uint16(len(names)))
	for _, n := range names {
		m = m.str(n)
	}
	return m.end()
}
func tlopen(tag uint16, fid, flags uint32) msg { return newMsg(12, tag).u32(fid).u32(flags).end() }
func tread(tag uint16, fid uint32, off uint64, count uint32) msg {
	return newMsg(116, tag).u32(fid).u64(off).u32(count).end()
}
func twrite(tag uint16, fid uint32, off uint64, data string) msg {
	return append(newMsg(118, tag).u32(fid).u64(off).u32(uint32(len(data))), data...).end()
}
func tclunk(tag uint16, fid uint32) msg { return newMsg(120, tag).u32(fid).end() }
func tflush(tag, old uint16) msg        { return newMsg(108, tag).u16(old).end() }
func tgetattr(tag uint16, fid uint32) msg {
	return newMsg(24, tag).u32(fid).u64(0x7ff).end()
}

// rawReply reads one message.
func rawReply(c net.Conn) (msg, error) {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	m := make(msg, le.Uint32(size[:]))
	copy(m, size[:])
	_, err := io.ReadFull(c, m[4:])
	return m, err
}

// rawCall sends a message and reads the reply, which must be of the right type.
func rawCall(t testing.TB, c net.Conn, m msg) msg {
	t.Helper()
	if _, err := c.Write(m); err != nil {
		t.Fatal(err)
	}
	r, err := rawReply(c)
	if err != nil {
		t.Fatal(err)
	}
	if r[4] != m[4]+1 {
		t.Fatalf("message type %d answered by type %d: %x", m[4], r[4], r)
	}
	return r
}

// rawUse agrees on a version and reads a file once, as clients do.
func rawUse(t testing.TB, c net.Conn, msize uint32, path ...string) {
	t.Helper()
	rawCall(t, c, tversion(msize))
	rawCall(t, c, tattach(1, 0))
	rawCall(t, c, twalk(1, 0, 1, path...))
	rawCall(t, c, tlopen(1, 1, 0))
	rawCall(t, c, tread(1, 1, 0, 4096))
	rawCall(t, c, tclunk(1, 1))
}
