package profile

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"sort"
	"sync"
)

// spillBytes is what may be in memory of what the directory does not take.
const spillBytes = 32 << 20

// spill keeps captures in a directory, and in memory what cannot be kept there.
type spill struct {
	disk   onDisk
	mem    inMemory
	logger *slog.Logger

	mu  sync.Mutex
	err error // why the directory cannot be used; nil where it can, as far as is known
}

// newSpill tries the directory, which may come to be good or bad later.
func newSpill(dir string, l *slog.Logger) *spill {
	s := &spill{disk: onDisk{dir: dir}, logger: l}
	if s.err = s.disk.try(); s.err != nil {
		l.Warn("ispyd: captures will be kept in memory: their directory cannot be used", "dir", dir, "error", s.err)
	}
	return s
}

func (s *spill) broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// note says where captures go if not into the directory, "" where they do.
func (s *spill) note() string {
	if err := s.broken(); err != nil {
		return "captures are kept in memory: " + err.Error()
	}
	return ""
}

// put implements keeper. One puts at a time.
func (s *spill) put(pieces []piece) (int, error) {
	last := max(s.disk.last, s.mem.last)
	s.disk.last = last
	n, err := s.disk.put(pieces)
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	if err == nil {
		return n, nil
	}
	s.logger.Warn("ispyd: a capture is kept in memory: its directory cannot be used", "dir", s.disk.dir, "error", err)
	s.mem.last = last
	if n, err = s.mem.put(pieces); err != nil {
		return 0, err
	}
	list, err := s.mem.list()
	bytes := int64(0)
	for i := len(list) - 1; i >= 0; i-- {
		if bytes += list[i].bytes; bytes > spillBytes && list[i].n != n {
			s.mem.drop(list[i].n)
		}
	}
	return n, err
}

func (s *spill) list() ([]entry, error) {
	list, _ := s.mem.list()
	kept, err := s.disk.list()
	list = append(list, kept...)
	sort.Slice(list, func(i, j int) bool { return list[i].n < list[j].n })
	if len(list) > 0 {
		err = nil // what there is can be shown
	}
	return list, err
}

func (s *spill) open(n int, name string) (io.ReadCloser, error) {
	if f, err := s.mem.open(n, name); err == nil {
		return f, nil
	}
	return s.disk.open(n, name)
}

func (s *spill) drop(n int) error {
	list, _ := s.mem.list()
	for _, e := range list {
		if e.n == n {
			return s.mem.drop(n)
		}
	}
	return s.disk.drop(n)
}

// former implements keeper: what cannot be used has nothing of others to show.
func (s *spill) former() ([]former, error) {
	list, err := s.disk.former()
	if err != nil && (s.broken() != nil || errors.Is(err, fs.ErrPermission)) {
		return list, nil
	}
	return list, err
}

func (s *spill) close() { s.disk.close() }
