package fs

import "time"

// Limits bound what clients can take from the program. A zero field means the
// default, that of [DefaultLimits].
type Limits struct {
	// Msize is the largest 9P message in bytes, header included. A client
	// that proposes more gets this. At least 4 KiB, at most 1 MiB; default
	// 128 KiB. While it answers, package p9 holds up to two buffers of the
	// agreed size for each connection, and one for each read in flight that
	// is not answered from memory.
	Msize uint32
	// Inflight is the number of requests that one connection may have
	// unanswered; the next is not read before one of them is answered. At
	// most 1024; default 64.
	Inflight int
	// Fids is the number of fids (files walked to or open) of one
	// connection; one more fails with EMFILE. Default 4096.
	Fids int
	// Conns is the number of connections of the server. A further one takes
	// the place of the one that has been idle longest, for 1 s at least and
	// with no file open; where there is none it is refused. Default 256,
	// but no more than a quarter of the files that the process may open.
	Conns int
	// Held is the number of bytes of renderings and directory lists that all
	// open fids of the server hold together; opening one more fails with
	// ENOMEM. Default 256 MiB.
	Held int64
	// Detached is the number of operations that may be left behind because
	// the code of their nodes goes on when their context has ended. When
	// there are as many, operations on nodes other than those of package
	// nodes fail with EBUSY; on those when there are twice as many. Default
	// 1024.
	Detached int

	// Operation is how long one lookup, list, open, read or write may take,
	// before its context ends and it fails with ETIMEDOUT. Files that are
	// slow (captures, sessions) are bounded by themselves. Default 2 min.
	Operation time.Duration
	// Handshake is how long a new connection may take to agree on the
	// version. Default 5 s.
	Handshake time.Duration
	// Frame is how long a message may take from its first byte to its last.
	// Default 10 s.
	Frame time.Duration
	// Write is how long a client may leave replies unread, less a tenth.
	// Default 10 s.
	Write time.Duration
}

// Bounds of the limits themselves.
const (
	minMsize    = 4 << 10 // what Linux's v9fs takes at least
	maxMsize    = 1 << 20
	maxInflight = 1 << 10
)

// DefaultLimits returns the limits that hold where nothing else is said.
func DefaultLimits() Limits {
	return Limits{
		Msize:     128 << 10,
		Inflight:  64,
		Fids:      4096,
		Conns:     256,
		Held:      256 << 20,
		Detached:  1024,
		Operation: 2 * time.Minute,
		Handshake: 5 * time.Second,
		Frame:     10 * time.Second,
		Write:     10 * time.Second,
	}
}

// withDefaults fills in what is zero and keeps the rest within bounds.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.Msize == 0 {
		l.Msize = d.Msize
	}
	l.Msize = min(max(l.Msize, minMsize), maxMsize)
	setDefault(&l.Inflight, d.Inflight)
	l.Inflight = min(l.Inflight, maxInflight)
	setDefault(&l.Fids, d.Fids)
	setDefault(&l.Conns, max(min(d.Conns, openFiles()/4), 1))
	setDefault(&l.Held, d.Held)
	setDefault(&l.Detached, d.Detached)
	setDefault(&l.Operation, d.Operation)
	setDefault(&l.Handshake, d.Handshake)
	setDefault(&l.Frame, d.Frame)
	setDefault(&l.Write, d.Write)
	return l
}

func setDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
