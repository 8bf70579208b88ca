package fs

import (
	"encoding/binary"
	"math"

	"github.com/hugelgupf/p9/linux"
)

// The messages of 9P2000.L, and of p9's extension of it, that a client sends.
// A reply has the number of its request plus one; Rlerror answers any of them.
// https://github.com/chaos/diod/blob/master/protocol.md
const (
	msgRlerror      = 7
	msgTstatfs      = 8
	msgTlopen       = 12
	msgTlcreate     = 14
	msgTsymlink     = 16
	msgTmknod       = 18
	msgTrename      = 20
	msgTreadlink    = 22
	msgTgetattr     = 24
	msgTsetattr     = 26
	msgTxattrwalk   = 30
	msgTxattrcreate = 32
	msgTreaddir     = 40
	msgTfsync       = 50
	msgTlock        = 52
	msgTgetlock     = 54
	msgTlink        = 70
	msgTmkdir       = 72
	msgTrenameat    = 74
	msgTunlinkat    = 76
	msgTversion     = 100
	msgTauth        = 102
	msgTattach      = 104
	msgTflush       = 108
	msgTwalk        = 110
	msgTread        = 116
	msgTwrite       = 118
	msgTclunk       = 120
	msgTremove      = 122
	msgTwalkgetattr = 126
	msgTucreate     = 128
	msgTumkdir      = 130
	msgTumknod      = 132
	msgTusymlink    = 134
)

const (
	headerSize = 7 // size[4] type[1] tag[2]
	// ioHeader is what Linux calls P9_IOHDRSZ: a read or write carries at
	// most msize less this.
	ioHeader = 24
	// maxVersion is the largest Tversion that is taken, in bytes.
	maxVersion = 256

	noFid uint32 = math.MaxUint32
)

// shape is what must be true of the body of a request, before it is looked at.
type shape struct {
	min   int  // bytes of its fixed part
	exact bool // it has no other part
}

// shapes holds the requests that are known. One that is not is answered with
// EOPNOTSUPP; one of the wrong shape ends the connection.
var shapes = [256]*shape{
	msgTstatfs:      {4, true},
	msgTlopen:       {8, true},
	msgTlcreate:     {4, false},
	msgTsymlink:     {4, false},
	msgTmknod:       {4, false},
	msgTrename:      {4, false},
	msgTreadlink:    {4, true},
	msgTgetattr:     {12, true},
	msgTsetattr:     {60, true},
	msgTxattrwalk:   {4, false},
	msgTxattrcreate: {4, false},
	msgTreaddir:     {16, true},
	msgTfsync:       {4, false}, // newer clients add datasync[4]
	msgTlock:        {4, false},
	msgTgetlock:     {27, false},
	msgTlink:        {4, false},
	msgTmkdir:       {4, false},
	msgTrenameat:    {4, false},
	msgTunlinkat:    {4, false},
	msgTversion:     {6, false},
	msgTauth:        {4, false},
	msgTattach:      {12, false},
	msgTflush:       {2, true},
	msgTwalk:        {10, false},
	msgTread:        {16, true},
	msgTwrite:       {16, false},
	msgTclunk:       {4, true},
	msgTremove:      {4, true},
	msgTwalkgetattr: {10, false},
	msgTucreate:     {4, false},
	msgTumkdir:      {4, false},
	msgTumknod:      {4, false},
	msgTusymlink:    {4, false},
}

var le = binary.LittleEndian

// frame is one whole message.
type frame []byte

func (f frame) typ() byte    { return f[4] }
func (f frame) tag() uint16  { return le.Uint16(f[5:]) }
func (f frame) body() []byte { return f[headerSize:] }

// fid is the first field of nearly every request.
func (f frame) fid() uint32 { return le.Uint32(f[headerSize:]) }

// appendFrame begins a message. [endFrame] fills in its size.
func appendFrame(b []byte, typ byte, tag uint16) []byte {
	b = append(b, 0, 0, 0, 0, typ)
	return le.AppendUint16(b, tag)
}

// endFrame fills in the size of the message that begins at start.
func endFrame(b []byte, start int) []byte {
	le.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

func appendString(b []byte, s string) []byte {
	b = le.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

func appendError(b []byte, tag uint16, errno linux.Errno) []byte {
	start := len(b)
	b = appendFrame(b, msgRlerror, tag)
	return endFrame(le.AppendUint32(b, uint32(errno)), start)
}

// fields reads the fields of a body one by one; bad says that it was too short.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) take(n int) []byte {
	if len(f.b) < n {
		f.bad = true
		f.b = nil
		return make([]byte, n)
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) uint16() uint16 { return le.Uint16(f.take(2)) }
func (f *fields) uint32() uint32 { return le.Uint32(f.take(4)) }

func (f *fields) string() string {
	n := int(f.uint16())
	if len(f.b) < n {
		f.bad = true
		f.b = nil
		return ""
	}
	return string(f.take(n))
}

// end reports whether the body was exactly what has been read of it.
func (f *fields) end() bool { return !f.bad && len(f.b) == 0 }
