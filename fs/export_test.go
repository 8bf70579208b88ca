package fs

import (
	"time"

	"github.com/hugelgupf/p9/linux"
)

// ErrnoName is errnoName, for conversations.
func ErrnoName(e uint32) string { return errnoName(linux.Errno(e)) }

// Held is how many bytes open fids hold.
func (s *Server) Held() int64 { return s.held.used.Load() }

// Conns is how many connections there are.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// SetCloseTime sets how long Close waits for code that does not return.
func (s *Server) SetCloseTime(d time.Duration) { s.closeTime = d }
