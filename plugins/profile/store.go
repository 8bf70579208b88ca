package profile

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/ispyd/ispyd/nodes"
)

// piece is one file of a capture.
type piece struct {
	name string
	data []byte
}

// entry is a capture that is kept.
type entry struct {
	n     int
	bytes int64
	names []string // of its files, sorted
}

// shelf is where the captures of one program are.
type shelf interface {
	// list returns those that are kept, by number.
	list() ([]entry, error)
	// open returns a file of one; fs.ErrNotExist where there is none.
	open(n int, name string) (io.ReadCloser, error)
	// drop lets go of one, if it is there.
	drop(n int) error
}

// keeper keeps captures: in memory, or in a directory.
type keeper interface {
	shelf
	// put keeps one under a number above all others, and returns it.
	put(pieces []piece) (int, error)
	// former returns what programs have left that have ended, the last one
	// first.
	former() ([]former, error)
	close()
}

// former is what a program has left that has ended.
type former struct {
	name string
	home
}

// store keeps the newest captures, bounded in number and bytes.
type store struct {
	keeper
	most  int
	bytes int64
	note  func() string // where captures go if not where they belong; may be nil

	mu sync.Mutex // held by who puts or drops
}

// where says where captures go if not where they belong, "" where they do.
func (s *store) where() string {
	if s.note == nil {
		return ""
	}
	return s.note()
}

// add keeps a capture, and lets go of the oldest that there is no room for: first
// those of programs that have ended, but for the newest of the one that has ended
// last: why it has is worth more than one more of a program that runs. Those of
// others that run are theirs.
func (s *store) add(pieces []piece) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.put(pieces)
	if err != nil {
		return 0, err
	}
	list, err := s.list()
	if err != nil {
		return n, err
	}
	kept, bytes := 0, int64(0)
	spared := s.spared()
	if spared.n > 0 && len(list) > 0 && s.most > 1 && list[len(list)-1].bytes+spared.bytes <= s.bytes {
		kept, bytes = 1, spared.bytes
	} else {
		spared = sparedEntry{}
	}
	newest := len(list) - 1
	for i, e := range slices.Backward(list) {
		kept, bytes = kept+1, bytes+e.bytes
		if i < newest && (kept > s.most || bytes > s.bytes) {
			if err := s.drop(e.n); err != nil {
				return n, err
			}
		}
	}
	return n, s.trim(kept, bytes, spared)
}

// sparedEntry is the newest capture of the program that has ended last.
type sparedEntry struct {
	of string
	entry
}

func (s *store) spared() (x sparedEntry) {
	left, _ := s.former()
	for _, f := range left {
		if list, _ := f.list(); len(list) > 0 {
			return sparedEntry{f.name, list[len(list)-1]}
		}
	}
	return x
}

// trim lets go of what ended programs have left and there is no room for.
// spared stays, and is in kept and bytes already.
func (s *store) trim(kept int, bytes int64, spared sparedEntry) error {
	left, err := s.former()
	for _, f := range left {
		list, err := f.list()
		if err != nil {
			return err
		}
		stays := 0
		for _, e := range slices.Backward(list) {
			if f.name == spared.of && e.n == spared.n {
				stays++
				continue
			}
			kept, bytes = kept+1, bytes+e.bytes
			if kept <= s.most && bytes <= s.bytes {
				stays++
			} else if err := f.drop(e.n); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if stays == 0 {
			f.remove() // where it fails, the next that adds tries again
		}
	}
	return err
}

// clear lets go of one of this program's captures, or of all where n is 0.
func (s *store) clear(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.list()
	if err != nil {
		return err
	}
	found := n == 0
	for _, e := range list {
		if n == 0 || e.n == n {
			found = true
			if err := s.drop(e.n); err != nil {
				return err
			}
		}
	}
	if !found {
		return nodes.Errorf(fs.ErrNotExist, "there is no capture %d", n)
	}
	return nil
}
