package debugger

import (
	"io/fs"
	"strconv"
	"sync"

	"github.com/ispyd/ispyd/internal/bytesize"
	"github.com/ispyd/ispyd/nodes"
)

// keeper keeps tracebacks: in memory, or in a directory.
type keeper interface {
	// list returns those that are kept, by number; without their cores.
	list() ([]*traceback, error)
	// core returns the core of one; fs.ErrNotExist where it has none.
	core(n int) ([]byte, error)
	// put keeps one under a number above all others, which it sets.
	put(t *traceback) error
	// drop lets go of one, if it is there.
	drop(n int) error
}

// store keeps the newest tracebacks, bounded in number and bytes.
type store struct {
	keeper
	limits func() limits

	mu sync.Mutex // held by who puts or drops
}

// add keeps a traceback, and lets go of the oldest that there is no room for.
func (s *store) add(t *traceback) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if most := int64(s.limits().bytes); t.weight() > most {
		t.core, t.Core, t.NoCore = nil, 0, "it is larger than all that may be kept, "+bytesize.Size(most).String()
	}
	if err := s.put(t); err != nil {
		return err
	}
	return s.trim()
}

// shrink lets go of what is beyond the limits after they have changed.
func (s *store) shrink() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trim()
}

// trim lets go of the oldest, of errors or of panics. s.mu is held.
func (s *store) trim() error {
	l := s.limits()
	list, err := s.list()
	if err != nil {
		return err
	}
	var all, errors room
	for _, t := range list {
		all.add(t)
		if t.Kind == kindError {
			errors.add(t)
		}
	}
	// Panics have half of the room, if they want it: a burst of errors drives out errors.
	for all.exceeds(l.tracebacks, int64(l.bytes)) && len(list) > 0 {
		i := 0
		if errors.exceeds(l.tracebacks/2, int64(l.bytes)/2) {
			for list[i].Kind != kindError {
				i++
			}
		} else {
			for i < len(list)-1 && list[i].Kind == kindError {
				i++
			}
		}
		t := list[i]
		if err := s.drop(t.N); err != nil {
			return err
		}
		all.remove(t)
		if t.Kind == kindError {
			errors.remove(t)
		}
		list = append(list[:i:i], list[i+1:]...)
	}
	return nil
}

// room is what tracebacks take.
type room struct {
	n     int
	bytes int64
}

func (r *room) add(t *traceback)    { r.n, r.bytes = r.n+1, r.bytes+t.weight() }
func (r *room) remove(t *traceback) { r.n, r.bytes = r.n-1, r.bytes-t.weight() }

func (r *room) exceeds(n int, bytes int64) bool { return r.n > n || r.bytes > bytes }

// held returns how many tracebacks are kept, and how many bytes they take.
func (s *store) held() (n int, bytes int64) {
	list, _ := s.list()
	for _, t := range list {
		bytes += t.weight()
	}
	return len(list), bytes
}

// find returns the traceback of a name: its number, "latest", or a function, whose
// latest it is.
func (s *store) find(name string) (*traceback, error) {
	list, err := s.list()
	if err != nil {
		return nil, err
	}
	n, _ := strconv.Atoi(name)
	function := nodes.Unescape(name)
	for i := len(list) - 1; i >= 0; i-- {
		t := list[i]
		if name == latest || n > 0 && t.N == n && strconv.Itoa(n) == name || t.caughtBy(function) {
			return t, nil
		}
	}
	return nil, nodes.Errorf(fs.ErrNotExist, "there is no traceback %.200q", name)
}

// latest is the name of the newest traceback.
const latest = "latest"

// discard lets go of the traceback of a number, or of all that a function's probe
// has caught, or of all that there are where match is nil.
func (s *store) discard(match func(*traceback) bool) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.list()
	if err != nil {
		return 0, err
	}
	for _, t := range list {
		if match != nil && !match(t) {
			continue
		}
		if err := s.drop(t.N); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// inMemory keeps tracebacks as long as the plugin is open.
type inMemory struct {
	mu   sync.Mutex
	kept []*traceback // by number
	last int
}

func (m *inMemory) list() ([]*traceback, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*traceback(nil), m.kept...), nil
}

func (m *inMemory) core(n int) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.kept {
		if t.N == n && t.core != nil {
			return t.core, nil
		}
	}
	return nil, nodes.Errorf(fs.ErrNotExist, "the traceback %d has no core any more", n)
}

func (m *inMemory) put(t *traceback) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	t.N = m.last
	m.kept = append(m.kept, t)
	return nil
}

func (m *inMemory) drop(n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, t := range m.kept {
		if t.N == n {
			// A copy, since the old array would keep the core alive.
			m.kept = append(append([]*traceback(nil), m.kept[:i]...), m.kept[i+1:]...)
			return nil
		}
	}
	return nil
}
