package http

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/felixge/httpsnoop"
)

// controls are the methods that both of net/http's own writers have, and that
// http.ResponseController looks for.
type controls interface {
	http.Flusher
	io.StringWriter
	CloseNotify() <-chan bool
	FlushError() error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	EnableFullDuplex() error
}

// writer returns the response writer that the handler is given. For the two that
// net/http makes it is this request in other clothes, with the same methods and no
// allocation; for others httpsnoop makes one that has the same methods.
func (s *serving) writer() http.ResponseWriter {
	if _, ok := s.w.(controls); ok {
		_, hijacker := s.w.(http.Hijacker)
		_, readerFrom := s.w.(io.ReaderFrom)
		_, pusher := s.w.(http.Pusher)
		switch {
		case hijacker && readerFrom && !pusher:
			return (*writer1)(s)
		case pusher && !hijacker && !readerFrom:
			return (*writer2)(s)
		}
	}
	return s.snoop()
}

// wrote notes that the header goes out with a status, if it has not yet and there is
// still a client. net/http
// reads the header at this moment too, so it may be looked at.
func (s *serving) wrote(status int) {
	// Of the informational ones only 101 is the last.
	if status < 200 && status != http.StatusSwitchingProtocols || s.status.Load() != 0 || leaving(s.ctx) == gone {
		return
	}
	if !s.status.CompareAndSwap(0, int32(status)) {
		return
	}
	if t := s.w.Header()["Content-Type"]; len(t) > 0 && strings.HasPrefix(t[0], "text/event-stream") {
		s.set(streaming)
	}
}

func (s *serving) writeHeader(status int) {
	s.wrote(status)
	s.w.WriteHeader(status)
}

func (s *serving) write(p []byte) (int, error) {
	s.wrote(http.StatusOK)
	n, err := s.w.Write(p)
	s.out.Add(int64(n))
	return n, err
}

func (s *serving) writeString(p string) (int, error) {
	s.wrote(http.StatusOK)
	n, err := s.w.(io.StringWriter).WriteString(p)
	s.out.Add(int64(n))
	return n, err
}

// readFrom counts at the end, so that the kernel can copy from file to socket.
func (s *serving) readFrom(r io.Reader) (int64, error) {
	s.wrote(http.StatusOK)
	n, err := s.w.(io.ReaderFrom).ReadFrom(r)
	s.out.Add(n)
	return n, err
}

func (s *serving) hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := s.w.(http.Hijacker).Hijack()
	if err == nil {
		s.set(hijacked)
	}
	return c, rw, err
}

func (s *serving) flush() {
	s.wrote(http.StatusOK)
	s.w.(http.Flusher).Flush()
}

func (s *serving) flushError() error {
	s.wrote(http.StatusOK)
	return s.w.(controls).FlushError()
}

// snoop makes a writer with the methods of any other.
func (s *serving) snoop() http.ResponseWriter {
	return httpsnoop.Wrap(s.w, httpsnoop.Hooks{
		WriteHeader: func(httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc { return s.writeHeader },
		Write:       func(httpsnoop.WriteFunc) httpsnoop.WriteFunc { return s.write },
		WriteString: func(httpsnoop.WriteStringFunc) httpsnoop.WriteStringFunc { return s.writeString },
		ReadFrom:    func(httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc { return s.readFrom },
		Hijack:      func(httpsnoop.HijackFunc) httpsnoop.HijackFunc { return s.hijack },
		Flush:       func(httpsnoop.FlushFunc) httpsnoop.FlushFunc { return s.flush },
		FlushError: func(f httpsnoop.FlushErrorFunc) httpsnoop.FlushErrorFunc {
			return func() error {
				s.wrote(http.StatusOK)
				return f()
			}
		},
	})
}

// writer1 is the writer of HTTP/1, writer2 that of HTTP/2: what each has, the
// other lacks, and a handler asks for it.
type (
	writer1 serving
	writer2 serving
)

func (w *writer1) Header() http.Header                 { return w.w.Header() }
func (w *writer1) WriteHeader(status int)              { (*serving)(w).writeHeader(status) }
func (w *writer1) Write(p []byte) (int, error)         { return (*serving)(w).write(p) }
func (w *writer1) WriteString(p string) (int, error)   { return (*serving)(w).writeString(p) }
func (w *writer1) ReadFrom(r io.Reader) (int64, error) { return (*serving)(w).readFrom(r) }
func (w *writer1) Flush()                              { (*serving)(w).flush() }
func (w *writer1) FlushError() error                   { return (*serving)(w).flushError() }
func (w *writer1) CloseNotify() <-chan bool            { return w.w.(controls).CloseNotify() }
func (w *writer1) SetReadDeadline(t time.Time) error   { return w.w.(controls).SetReadDeadline(t) }
func (w *writer1) SetWriteDeadline(t time.Time) error  { return w.w.(controls).SetWriteDeadline(t) }
func (w *writer1) EnableFullDuplex() error             { return w.w.(controls).EnableFullDuplex() }
func (w *writer1) Unwrap() http.ResponseWriter         { return w.w }
func (w *writer1) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return (*serving)(w).hijack()
}

func (w *writer2) Header() http.Header                { return w.w.Header() }
func (w *writer2) WriteHeader(status int)             { (*serving)(w).writeHeader(status) }
func (w *writer2) Write(p []byte) (int, error)        { return (*serving)(w).write(p) }
func (w *writer2) WriteString(p string) (int, error)  { return (*serving)(w).writeString(p) }
func (w *writer2) Flush()                             { (*serving)(w).flush() }
func (w *writer2) FlushError() error                  { return (*serving)(w).flushError() }
func (w *writer2) CloseNotify() <-chan bool           { return w.w.(controls).CloseNotify() }
func (w *writer2) SetReadDeadline(t time.Time) error  { return w.w.(controls).SetReadDeadline(t) }
func (w *writer2) SetWriteDeadline(t time.Time) error { return w.w.(controls).SetWriteDeadline(t) }
func (w *writer2) EnableFullDuplex() error            { return w.w.(controls).EnableFullDuplex() }
func (w *writer2) Unwrap() http.ResponseWriter        { return w.w }
func (w *writer2) Push(target string, o *http.PushOptions) error {
	return w.w.(http.Pusher).Push(target, o)
}

var (
	_ controls      = (*writer1)(nil)
	_ http.Hijacker = (*writer1)(nil)
	_ io.ReaderFrom = (*writer1)(nil)
	_ controls      = (*writer2)(nil)
	_ http.Pusher   = (*writer2)(nil)
)
