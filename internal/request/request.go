// Package request knows the pieces of work that the program has in hand: HTTP
// requests, RPCs. Whoever sees work begin and end makes a [Request] of it;
// loggers and probes find it by the context, or by the id that a person has read.
//
// A Request costs one small allocation and two short locks in its life; all its
// methods may be called by many goroutines at once, and on nil.
package request

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
)

// Label is the key of the profiler label (see runtime/pprof) that goroutines
// which work on a request have. Its value is the id in decimal.
const Label = "ispyd.request"

// Request is one running piece of work. The zero value is to be started with
// [Request.Start]; it must not be copied.
type Request struct {
	id         uint64
	kind       string
	owner      any
	next, prev *Request // in its shard, under the shard's lock
	live       bool     // under the shard's lock
	level      atomic.Int64
	log        atomic.Pointer[lines]
}

var lastID atomic.Uint64

// shards hold the live requests, so that those which begin and end at once
// rarely wait for each other.
var shards [64]shard

type shard struct {
	mu   sync.Mutex
	head *Request
	_    [48]byte // one cache line each
}

// New starts a request of a kind, such as "http" or "grpc", and gives it the next
// id of the process. It is live until [Request.Done].
func New(kind string) *Request {
	r := new(Request)
	r.Start(kind, nil)
	return r
}

// Start does what [New] does for a Request that is part of something larger, which
// may be given as the owner. It is called once.
func (r *Request) Start(kind string, owner any) {
	if r == nil {
		return
	}
	r.id, r.kind, r.owner = lastID.Add(1), kind, owner
	s := &shards[r.id%uint64(len(shards))]
	s.mu.Lock()
	r.live = true
	if r.next = s.head; r.next != nil {
		r.next.prev = r
	}
	s.head = r
	s.mu.Unlock()
}

// Done ends the request: it is not found any more. More calls do nothing.
func (r *Request) Done() {
	if r == nil {
		return
	}
	s := &shards[r.id%uint64(len(shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	if !r.live {
		return
	}
	r.live = false
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		s.head = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	}
	r.next, r.prev = nil, nil
}

// ID returns the id: 1 or more, higher for those that began later; 0 of nil.
func (r *Request) ID() uint64 {
	if r == nil {
		return 0
	}
	return r.id
}

// Kind returns what [New] was called with.
func (r *Request) Kind() string {
	if r == nil {
		return ""
	}
	return r.kind
}

// Owner returns what the request is part of, or nil.
func (r *Request) Owner() any {
	if r == nil {
		return nil
	}
	return r.owner
}

// Lookup returns the live request of an id, or nil.
func Lookup(id uint64) *Request {
	s := &shards[id%uint64(len(shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := s.head; r != nil; r = r.next {
		if r.id == id {
			return r
		}
	}
	return nil
}

// Live returns the live requests of a kind, of all kinds for "", oldest first.
func Live(kind string) []*Request {
	var all []*Request
	for i := range shards {
		s := &shards[i]
		s.mu.Lock()
		for r := s.head; r != nil; r = r.next {
			if kind == "" || r.kind == kind {
				all = append(all, r)
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b *Request) int { return cmp.Compare(a.id, b.id) })
	return all
}

type contextKey struct{}

// Context returns a context with the request, for [FromContext].
func (r *Request) Context(ctx context.Context) context.Context {
	if r == nil {
		return ctx
	}
	return context.WithValue(ctx, contextKey{}, r)
}

// FromContext returns the innermost request of a context, nil where there is
// none.
func FromContext(ctx context.Context) *Request {
	if ctx == nil {
		return nil
	}
	r, _ := ctx.Value(contextKey{}).(*Request)
	return r
}

// IsKey reports whether a key of Context.Value asks for the request. It is for
// contexts of their own type, which answer with the *Request.
func IsKey(key any) bool {
	_, ok := key.(contextKey)
	return ok
}

// levelSet marks that there is a level; slog levels are small numbers.
const levelSet = 1 << 40

// SetLevel sets the least level of the log records of this request.
func (r *Request) SetLevel(level slog.Level) {
	if r != nil {
		r.level.Store(int64(level) + levelSet)
	}
}

// ClearLevel undoes SetLevel.
func (r *Request) ClearLevel() {
	if r != nil {
		r.level.Store(0)
	}
}

// Level returns what SetLevel has set, and whether it has.
func (r *Request) Level() (slog.Level, bool) {
	if r == nil {
		return 0, false
	}
	v := r.level.Load()
	if v == 0 {
		return 0, false
	}
	return slog.Level(v - levelSet), true
}

// Last returns the highest id that has been given, 0 for none yet.
func Last() uint64 { return lastID.Load() }
