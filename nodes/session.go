package nodes

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"time"
)

// maxRequest is the largest request of a session in bytes.
const maxRequest = 1 << 20

// Conversation is the state of one open session file.
type Conversation interface {
	// Ask answers one request. ctx ends when the read that waits for the
	// answer is cancelled.
	Ask(ctx context.Context, request []byte) (answer []byte, err error)
	// Close ends the conversation. It may be called while an Ask that
	// ignores its context still runs.
	Close() error
}

type session struct {
	base
	begin func(context.Context) (Conversation, error)
}

// Session returns a file for conversations: a request is what is written before
// the next read, reads return its answer and then one end of file, and the next
// write discards what is left of it. Offsets are ignored. Each open begins a
// conversation of its own, whose state lasts until the file is closed. Only the
// owner may open it.
func Session(name, doc string, begin func(ctx context.Context) (Conversation, error)) File {
	return &session{base{name, doc}, begin}
}

func (s *session) Attr() Attr { return Attr{Kind: KindSession, Mode: 0o600, Slow: true} }

func (s *session) Open(ctx context.Context, flags Flags) (Handle, error) {
	h := &sessionHandle{name: s.name, lock: make(chan struct{}, 1)}
	if flags&Write == 0 {
		// Nothing can be asked, so there is nothing to read: grep -r and
		// the like find an empty file and begin no conversation.
		return NewSnapshot(nil), nil
	}
	h.ctx, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	// Whoever comes second, the conversation or the end of waiting for it,
	// sees to it that it is closed.
	var first atomic.Bool
	err := detach(ctx, s.name, func(ctx context.Context) error {
		c, err := s.begin(ctx)
		if err != nil {
			return err
		}
		h.conv = c
		if !first.CompareAndSwap(false, true) {
			return c.Close()
		}
		return nil
	})
	if err != nil {
		h.cancel()
		if !first.CompareAndSwap(false, true) {
			h.Close()
		}
		return nil, err
	}
	return h, nil
}

type sessionHandle struct {
	name   string
	conv   Conversation
	ctx    context.Context // ends with the handle
	cancel context.CancelFunc

	lock    chan struct{} // held by one operation at a time; guards what follows
	request []byte
	answer  []byte
}

func (h *sessionHandle) acquire(ctx context.Context) error {
	select {
	case h.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return waitError(ctx, h.name, time.Now())
	}
}

func (h *sessionHandle) WriteAt(ctx context.Context, p []byte, _ int64) (int, error) {
	if err := h.acquire(ctx); err != nil {
		return 0, err
	}
	defer func() { <-h.lock }()
	if len(h.request)+len(p) > maxRequest {
		return 0, Errorf(ErrTooLarge, "%s: a request may have %d bytes at most", h.name, maxRequest)
	}
	h.answer = nil
	h.request = append(h.request, p...)
	return len(p), nil
}

func (h *sessionHandle) ReadAt(ctx context.Context, p []byte, _ int64) (int, error) {
	if err := h.acquire(ctx); err != nil {
		return 0, err
	}
	defer func() { <-h.lock }()
	if len(h.request) > 0 {
		request := h.request
		h.request, h.answer = nil, nil
		answer, err := h.ask(ctx, request)
		if err != nil {
			return 0, err
		}
		h.answer = answer
	}
	if len(h.answer) == 0 {
		return 0, io.EOF
	}
	n := copy(p, h.answer)
	h.answer = h.answer[n:]
	if len(h.answer) == 0 {
		h.answer = nil
	}
	return n, nil
}

// ask runs until ctx or the handle ends.
func (h *sessionHandle) ask(ctx context.Context, request []byte) (answer []byte, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ctx, cancel)()
	result := make(chan []byte, 1)
	err = detach(ctx, h.name, func(ctx context.Context) error {
		a, err := h.conv.Ask(ctx, bytes.Clone(request))
		result <- a
		return err
	})
	if err != nil {
		return nil, err
	}
	return <-result, nil
}

func (h *sessionHandle) Stat() (int64, time.Time) { return 0, created }

// Close ends the conversation without waiting for it.
func (h *sessionHandle) Close() error {
	h.cancel()
	return spawn(func() { Protect(h.conv.Close) })
}
