package minicore

import (
	"time"

	"golang.org/x/sys/unix"
)

// How far pointers are followed. What the frame of interest holds is followed
// further, since it is what a person looks at first, and a map's elements are
// four levels below the variable; both within their own part of the bytes.
const (
	levels, nearLevels = 3, 6
	nearBytes          = 1 << 20
	nearStack          = 2 << 10
)

// reach finds what a goroutine reaches on the heap. Its buffers are used again.
type reach struct {
	img     *image
	regions []region
	seen    map[uint64]struct{}
	heap    []byte // pieces, one behind the other
	pieces  []segment
	frontier,
	want []uint64
	iov  []unix.RemoteIovec
	stop time.Time
	// stack is not followed into: it is captured as a whole.
	stack region
	limit int
	// short says that the limits left something out.
	short bool
}

// from follows the words of memory and single addresses.
func (r *reach) from(roots []uint64, memory []byte, levels, limit int, timed bool) {
	r.frontier = r.frontier[:0]
	for _, a := range roots {
		r.root(a)
	}
	r.words(memory)
	limit = min(limit, r.limit)
	for level := 0; level < levels && len(r.frontier) > 0; level++ {
		if timed && level > 0 && time.Now().After(r.stop) {
			r.short = true
			return
		}
		r.want = r.want[:0]
		for _, a := range r.frontier {
			// An object of up to half a piece is whole: what follows the
			// address counts, the piece before it does not.
			for _, p := range [2]uint64{a &^ (piece - 1), (a + piece/2) &^ (piece - 1)} {
				if _, ok := r.seen[p]; ok || !r.mapped(p) {
					continue
				}
				if len(r.heap)+(len(r.want)+1)*piece > limit {
					r.short = true
					break
				}
				r.seen[p] = struct{}{}
				r.want = append(r.want, p)
			}
		}
		r.frontier = r.frontier[:0]
		start := len(r.heap)
		r.heap = r.heap[:start+len(r.want)*piece]
		r.img.mem.readPieces(r.iov, r.want, r.heap[start:], func(addr uint64, data []byte) {
			r.pieces = append(r.pieces, segment{addr, data})
			if level+1 < levels {
				r.words(data)
			}
		})
	}
}

func (r *reach) words(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		r.root(le.Uint64(b))
	}
}

// root notes an address that may be on the heap.
func (r *reach) root(a uint64) {
	if a < ThreadAddr || a >= 1<<47 || a >= r.stack.start && a < r.stack.end || !r.mapped(a) || r.img.has(a) {
		return
	}
	r.frontier = append(r.frontier, a)
}

// mapped reports whether a piece's address is in one of the regions.
func (r *reach) mapped(a uint64) bool {
	lo, hi := 0, len(r.regions)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r.regions[mid].end <= a {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(r.regions) && r.regions[lo].start <= a
}
