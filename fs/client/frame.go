package client

import "encoding/binary"

var le = binary.LittleEndian

// The messages that this side looks into, from the 9P2000.L protocol
// (github.com/chaos/diod, protocol.md; intro(5) of Plan 9). The reply to a
// request has the request's type plus one, or is Rlerror.
const (
	msgRlerror      = 7
	msgTreaddir     = 40
	msgTversion     = 100
	msgTflush       = 108
	msgTwalk        = 110
	msgTread        = 116
	msgTwrite       = 118
	msgTclunk       = 120
	msgTwalkgetattr = 126 // p9's extension
)

// headerSize is size[4] type[1] tag[2].
const headerSize = 7

// eintr is Linux's number for a request that was called off.
const eintr = 4

// header puts the header of a message of size bytes into b.
func header(b []byte, size int, typ byte, tag uint16) {
	le.PutUint32(b, uint32(size))
	b[4] = typ
	le.PutUint16(b[5:], tag)
}

// flushFrame is a Tflush of the request that has the tag old.
func flushFrame(tag, old uint16) []byte {
	b := make([]byte, headerSize+2)
	header(b, len(b), msgTflush, tag)
	le.PutUint16(b[headerSize:], old)
	return b
}

// errorFrame is an Rlerror.
func errorFrame(tag uint16, errno uint32) []byte {
	b := make([]byte, headerSize+4)
	header(b, len(b), msgRlerror, tag)
	le.PutUint32(b[headerSize:], errno)
	return b
}

// clunkFrame is a Tclunk.
func clunkFrame(tag uint16, fid uint32) []byte {
	b := make([]byte, headerSize+4)
	header(b, len(b), msgTclunk, tag)
	le.PutUint32(b[headerSize:], fid)
	return b
}

// walkFrame is the reply to a walk, of type typ, that found nothing.
func walkFrame(typ byte, tag uint16) []byte {
	b := make([]byte, headerSize+2)
	if typ == msgTwalkgetattr {
		b = make([]byte, headerSize+8+132+2) // valid[8] attr[132] nwqid[2]
	}
	header(b, len(b), typ+1, tag)
	return b
}

// minMsize is the smallest message size that a server may ask for: v9fs and
// diod take 4 KiB at least.
const minMsize = 4 << 10

// payload is how many bytes of a file one message of msize bytes carries. It
// is no more than p9.Client thinks, so that p9 never splits what we hand it:
// p9 subtracts its longest fixed part, less than 512 bytes, and rounds down to
// a multiple of 512.
func payload(msize uint32) int { return int(msize-512) &^ 511 }
