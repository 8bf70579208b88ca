package log

import (
	"context"
	"io/fs"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ispyd/ispyd/internal/request"
	"github.com/ispyd/ispyd/nodes"
)

// requestLevels is how many requests have a level of their own.
var requestLevels atomic.Int64

// leveled is a request with a level of its own.
type leveled struct {
	r       *request.Request
	setting *nodes.Setting
}

var requests struct {
	sync.Mutex
	byID map[uint64]*leveled
}

// setRequest sets the level of a request in flight.
func setRequest(ctx context.Context, id string, l level, lease time.Duration) error {
	if !wrapped() {
		return errNotWrapped
	}
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return nodes.Errorf(fs.ErrInvalid, "request: %q is not the number of a request", string(nodes.AppendEscaped(nil, id[:min(len(id), 40)])))
	}
	r := request.Lookup(n)
	if r == nil {
		return nodes.Errorf(fs.ErrNotExist, "request %d is not in flight", n)
	}
	requests.Lock()
	s := requests.byID[n]
	if s == nil {
		s = &leveled{r, nodes.NewSetting("request " + strconv.FormatUint(n, 10))}
	}
	requests.Unlock()
	if lease == 0 {
		// It ends with the request, and needs no mention.
		ctx = nodes.WithLeases(ctx, nil, "")
	}
	return s.setting.Change(ctx, lease, nodes.Change{
		Now: func(context.Context) (string, error) { return s.now().String(), nil },
		Do:  func(context.Context) error { s.set(l); return nil },
		Hold: func(context.Context) (func(context.Context) error, error) {
			was := s.now()
			return func(context.Context) error { s.set(was); return nil }, nil
		},
	})
}

func (s *leveled) now() level {
	if l, ok := s.r.Level(); ok {
		return level{level: l}
	}
	return level{own: true}
}

// set sets or clears the level.
func (s *leveled) set(l level) {
	requests.Lock()
	defer requests.Unlock()
	if l.own {
		s.r.ClearLevel()
		if requests.byID[s.r.ID()] == s {
			delete(requests.byID, s.r.ID())
		}
	} else {
		s.r.SetLevel(l.level)
		if requests.byID == nil {
			requests.byID = make(map[uint64]*leveled)
		}
		requests.byID[s.r.ID()] = s
	}
	sweep()
}

// sweep forgets the requests that are done. requests is locked.
func sweep() {
	for id, s := range requests.byID {
		if request.Lookup(id) != s.r {
			delete(requests.byID, id)
		}
	}
	n := int64(len(requests.byID))
	overrides.Add(n - requestLevels.Swap(n))
}

var looks atomic.Uint32

// sweepSometimes forgets requests that are done, once in a while: nobody tells
// when they are.
func sweepSometimes() {
	if looks.Add(1)%1024 == 0 && requests.TryLock() {
		defer requests.Unlock()
		sweep()
	}
}
