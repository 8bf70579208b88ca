package client

import (
	"fmt"
	"io"
	"time"
)

// Read is p9.Client's. It calls it from one goroutine at a time, and only while
// a request is pending; from message to message only those get through that
// answer one.
func (w *wire) Read(p []byte) (int, error) {
	w.rmu.Lock()
	defer w.rmu.Unlock()
	if len(w.injected) == 0 && w.rest == 0 {
		if err := w.next(); err != nil {
			w.kill(err)
			return 0, fmt.Errorf("%w (%v)", io.EOF, err)
		}
	}
	if len(w.injected) > 0 {
		n := copy(p, w.injected)
		w.injected = w.injected[n:]
		return n, nil
	}
	n, err := w.br.Read(p[:min(len(p), w.rest)])
	if w.rest -= n; w.rest == 0 && w.partial {
		w.partial = false
		w.nc.SetReadDeadline(time.Time{})
	}
	if err != nil {
		w.kill(err)
	}
	return n, err
}

// next looks at messages until one is for p9.Client, which then finds it in
// injected, or the next rest bytes of br.
func (w *wire) next() error {
	for {
		if take, err := w.one(); err != nil || take {
			return err
		}
	}
}

// one looks at one message, and says whether there is now something for
// p9.Client.
func (w *wire) one() (bool, error) {
	h, err := w.br.Peek(headerSize)
	if err != nil {
		return false, err
	}
	size := le.Uint32(h)
	if size < headerSize || size > w.msize {
		return false, protocolError("a message of %d bytes", size)
	}
	if w.br.Buffered() < int(size) {
		w.partial = true
		w.nc.SetReadDeadline(time.Now().Add(w.timeout))
	}
	take, err := w.message(int(size))
	if err != nil || take {
		return take, err
	}
	if w.partial {
		w.partial = false
		w.nc.SetReadDeadline(time.Time{})
	}
	return len(w.injected) > 0, nil
}

// message looks at the message of size bytes that is next in br. It takes it out
// or, if p9.Client is to have it as it is, leaves it there.
func (w *wire) message(size int) (leave bool, err error) {
	head, err := w.br.Peek(min(size, headerSize+4))
	if err != nil {
		return false, err
	}
	typ, tag := head[4], le.Uint16(head[5:])
	w.mu.Lock()
	w.received++
	r := w.reqs[tag]
	if f := w.flushes[tag]; f != nil {
		delete(w.flushes, tag)
		w.mu.Unlock()
		return false, w.flushed(f, typ, size)
	}
	if late := w.stale[tag]; late != nil {
		clunk := w.settle(late, typ)
		w.mu.Unlock()
		_, err := w.br.Discard(size)
		if clunk != nil {
			go w.send(clunk)
		}
		return false, err
	}
	if r == nil || r.held != nil {
		w.mu.Unlock()
		return false, protocolError("a reply of type %d that nobody asked for", typ)
	}
	called := r.called != nil
	if !called {
		delete(w.reqs, tag)
	}
	w.mu.Unlock()
	if err := r.check(head, size); err != nil {
		return false, err
	}
	le.PutUint16(head[5:], r.tag) // in br's buffer
	switch {
	case called:
		return false, w.hold(r, size)
	case r.tainted && typ == msgTclunk+1:
		// p9.Client must not use this fid again: see drop.
		w.injected = errorFrame(r.tag, 0)
		_, err := w.br.Discard(size)
		return false, err
	}
	if typ == msgTversion+1 {
		if err := w.version(size); err != nil {
			return false, err
		}
	}
	w.rest = size
	return true, nil
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
func (w *wire) version(size int) error {
	if size < headerSize+6 || size > readBuffer {
		return protocolError("an Rversion of %d bytes", size)
	}
	f, err := w.br.Peek(size)
	if err != nil {
		return err
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

// hold keeps the reply to a request that was called off: its tag is not free
// before the Rflush. The data of a large one nobody wants.
func (w *wire) hold(r *request, size int) error {
	f := errorFrame(r.tag, eintr)
	if size <= readBuffer {
		f = make([]byte, size)
		if _, err := io.ReadFull(w.br, f); err != nil {
			return err
		}
	} else if _, err := w.br.Discard(size); err != nil {
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
	refused := typ == msgRlerror && size == headerSize+4 // not allowed, but harmless
	if !refused && (typ != msgTflush+1 || size != headerSize) {
		return protocolError("a reply of type %d and %d bytes to a Tflush", typ, size)
	}
	if _, err := w.br.Discard(size); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reqs[r.wtag] != r {
		return nil
	}
	delete(w.reqs, r.wtag)
	if w.injected = r.held; w.injected == nil {
		w.drop(r)
	}
	return nil
}

// drop ends a request that was called off and got no reply before the Rflush.
// Then it should be as if it had never been made. But p9's own server may carry
// it out and answer it even now. So its tag stays out of use, and so does its fid:
// the late request would else meet another file. w.mu is held.
func (w *wire) drop(r *request) {
	r.dropped = true
	if len(w.stale) == maxStale {
		w.stale = make(map[uint16]*request) // of servers that keep to the protocol, all
	}
	w.stale[r.wtag] = r
	if r.typ == msgTwalk || r.typ == msgTwalkgetattr {
		// An error would have p9.Client use the new fid again. This gives it
		// a file that nobody uses or closes.
		w.injected = walkFrame(r.typ, r.tag)
		return
	}
	w.tainted[r.fid] = true
	w.injected = errorFrame(r.tag, eintr)
}

// settle takes the late reply to a dropped request. It returns the Tclunk of a
// fid that came to be by it. w.mu is held.
func (w *wire) settle(r *request, typ byte) (clunk []byte) {
	delete(w.stale, r.wtag)
	if r.typ != msgTwalk && r.typ != msgTwalkgetattr || typ == msgRlerror {
		return nil
	}
	own := &request{typ: msgTclunk, wtag: w.nextTag(msgTclunk)}
	w.stale[own.wtag] = own
	return clunkFrame(own.wtag, r.fid)
}

// idle follows each request. It has a timer run, and when no request has come
// for idleAfter, the watch for the server's hanging up begins. So a connection
// that is in use is read by those who use it, which is fast, and one that is not
// costs one goroutine and no time. w.mu is held.
func (w *wire) idle() {
	w.requests++
	switch {
	case w.alert || w.cause != nil:
	case w.idleTimer == nil:
		w.alert = true
		w.idleTimer = time.AfterFunc(w.idleAfter, w.lull)
	default:
		w.alert = true
		w.idleTimer.Reset(w.idleAfter)
	}
}

// lull is called when the connection may be idle.
func (w *wire) lull() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.cause != nil:
	case len(w.reqs) > 0:
		w.alert = false // who waits for the reply watches; idle follows
	case w.requests != w.seen:
		w.seen = w.requests
		w.idleTimer.Reset(w.idleAfter)
	default:
		w.watchers.Go(w.watchIdle)
	}
}

// watchIdle waits for anything to come from the server. It holds off p9.Client,
// which has nothing to read before that either.
func (w *wire) watchIdle() {
	w.rmu.Lock()
	defer w.rmu.Unlock()
	for take := false; !take; {
		w.mu.Lock()
		if w.rest > 0 || len(w.injected) > 0 || len(w.reqs) > 0 {
			take = true // somebody came first; idle follows
			w.alert = false
		}
		w.mu.Unlock()
		if take {
			return
		}
		if _, err := w.br.Peek(1); err != nil {
			w.kill(err)
			return
		}
		w.mu.Lock()
		wanted := len(w.reqs) > 0
		w.mu.Unlock()
		if wanted {
			continue
		}
		var err error
		if take, err = w.one(); err != nil { // a late reply, or nonsense
			w.kill(err)
			return
		}
	}
	w.mu.Lock()
	w.alert = false
	w.mu.Unlock()
}
