package client

import (
	"fmt"
	"io"
	"time"
)

// pump reads the connection until it ends, and says why.
func (w *wire) pump() {
	w.kill(w.receive())
}

// receive reads messages and hands on those that fit.
func (w *wire) receive() error {
	for {
		h, err := w.br.Peek(headerSize)
		if err != nil {
			return err
		}
		size := le.Uint32(h)
		if size < headerSize || size > w.msize {
			return protocolError("a message of %d bytes", size)
		}
		late := w.timeout > 0 && w.br.Buffered() < int(size)
		if late {
			w.nc.SetReadDeadline(time.Now().Add(w.timeout))
		}
		if err := w.message(int(size)); err != nil {
			return err
		}
		if late {
			w.nc.SetReadDeadline(time.Time{})
		}
	}
}

// message takes one message of size bytes from br.
func (w *wire) message(size int) error {
	head, err := w.br.Peek(min(size, headerSize+4))
	if err != nil {
		return err
	}
	typ, tag := head[4], le.Uint16(head[5:])
	w.mu.Lock()
	w.received++
	r := w.reqs[tag]
	if f := w.flushes[tag]; f != nil && r == nil {
		delete(w.flushes, tag)
		w.mu.Unlock()
		return w.flushed(f, typ, size)
	}
	if r == nil || r.held != nil {
		w.mu.Unlock()
		return protocolError("a reply of type %d that nobody asked for", typ)
	}
	called := r.called
	w.mu.Unlock()
	if err := r.check(head, size); err != nil {
		return err
	}
	if size > readBuffer {
		if called {
			_, err := w.br.Discard(size)
			return w.hold(r, errorFrame(tag, eintr), err)
		}
		return w.handDirect(r, size)
	}
	f, err := w.br.Peek(size)
	if err != nil {
		return err
	}
	if typ == msgTversion+1 {
		if err := w.version(f); err != nil {
			return err
		}
	}
	if called {
		err := w.hold(r, append([]byte(nil), f...), nil)
		w.br.Discard(size)
		return err
	}
	w.mu.Lock()
	w.deliver(r, f)
	w.mu.Unlock()
	w.br.Discard(size)
	return nil
}

// check compares the head of a reply with its request.
func (r *request) check(head []byte, size int) error {
	typ := head[4]
	if typ == msgRlerror {
		if size != headerSize+4 {
			return protocolError("an Rlerror of %d bytes", size)
		}
		return nil
	}
	if typ != r.typ+1 {
		return protocolError("a reply of type %d to a request of type %d", typ, r.typ)
	}
	bad := false
	switch r.typ {
	case msgTread, msgTreaddir:
		bad = size < headerSize+4 || int64(le.Uint32(head[headerSize:])) != int64(size-headerSize-4) || le.Uint32(head[headerSize:]) > r.count
	case msgTwrite:
		bad = size != headerSize+4 || le.Uint32(head[headerSize:]) > r.count
	case msgTwalk:
		const qid = 13
		bad = size < headerSize+2 || size != headerSize+2+qid*int(le.Uint16(head[headerSize:])) || uint32(le.Uint16(head[headerSize:])) > r.count
	}
	if bad {
		return protocolError("a reply of type %d and %d bytes that does not fit its request", typ, size)
	}
	return nil
}

// version takes what the server granted out of its Rversion.
func (w *wire) version(f []byte) error {
	if len(f) < headerSize+6 {
		return protocolError("an Rversion of %d bytes", len(f))
	}
	msize, version := le.Uint32(f[headerSize:]), string(f[headerSize+6:])
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unknown = version == "unknown"
	if w.unknown {
		return nil
	}
	if msize < minMsize || msize > w.msize {
		return protocolError("it grants messages of %d bytes where %d were asked for", msize, w.msize)
	}
	w.granted = msize
	return nil
}

// deliver hands a whole message to p9.Client. w.mu is held.
func (w *wire) deliver(r *request, f []byte) {
	delete(w.reqs, r.tag)
	w.inbox = append(w.inbox, f...)
	w.ready.Signal()
}

// handDirect hands p9.Client the head of a message and has it take the rest
// from br, which saves a copy.
func (w *wire) handDirect(r *request, size int) error {
	var head [headerSize + 4]byte
	if _, err := io.ReadFull(w.br, head[:]); err != nil {
		return err
	}
	w.mu.Lock()
	w.direct = size - len(head)
	w.deliver(r, head[:])
	w.mu.Unlock()
	select {
	case <-w.consumed:
		return nil
	case <-w.ended:
		return w.err()
	}
}

// hold keeps the reply to a request that was called off: its tag is not free
// before the Rflush.
func (w *wire) hold(r *request, f []byte, err error) error {
	if err != nil {
		return err
	}
	w.mu.Lock()
	r.held = f
	w.mu.Unlock()
	return nil
}

// flushed takes the Rflush of r's Tflush: now the request is over, with the
// reply that came before or, where none came, with none.
func (w *wire) flushed(r *request, typ byte, size int) error {
	if typ == msgRlerror && size == headerSize+4 {
		// Not allowed, but harmless.
	} else if typ != msgTflush+1 || size != headerSize {
		return protocolError("a reply of type %d and %d bytes to a Tflush", typ, size)
	}
	if _, err := w.br.Discard(size); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reqs[r.tag] != r {
		return nil
	}
	f := r.held
	if f == nil {
		f = errorFrame(r.tag, eintr)
	}
	w.deliver(r, f)
	return nil
}

// Read is p9.Client's. It calls it from one goroutine at a time, and only while
// a request is pending.
func (w *wire) Read(p []byte) (int, error) {
	w.mu.Lock()
	for len(w.inbox) == 0 && w.direct == 0 && w.cause == nil {
		w.ready.Wait()
	}
	if len(w.inbox) > 0 {
		n := copy(p, w.inbox[w.taken:])
		if w.taken += n; w.taken == len(w.inbox) {
			w.inbox, w.taken = w.inbox[:0], 0
		}
		w.mu.Unlock()
		return n, nil
	}
	if w.cause != nil {
		err := w.cause
		w.mu.Unlock()
		return 0, fmt.Errorf("%w (%v)", io.EOF, err)
	}
	p = p[:min(len(p), w.direct)]
	w.mu.Unlock()
	n, err := w.br.Read(p)
	w.mu.Lock()
	w.direct -= n
	last := w.direct == 0 && n > 0
	w.mu.Unlock()
	if last {
		w.consumed <- struct{}{}
	}
	if err != nil {
		w.kill(err)
	}
	return n, err
}
