package client

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"testing"
	"time"
)

// script says, byte by byte, how a server misbehaves.
type script struct {
	mu   sync.Mutex
	data []byte
}

func (s *script) next() int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b)
}

// answer is good's answer to a request, or what the script makes of it.
func (s *script) answer(req []byte) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := good(req)
	switch s.next() % 16 {
	case 1: // another byte somewhere
		f[s.next()%len(f)] = byte(s.next())
	case 2: // shorter, its size right
		f = f[:max(headerSize, len(f)-s.next())]
		le.PutUint32(f, uint32(len(f)))
	case 3: // longer, its size right
		f = append(f, bytes.Repeat([]byte{byte(s.next())}, s.next()*97)...)
		le.PutUint32(f, uint32(len(f)))
	case 4:
		f[4] = byte(s.next())
	case 5:
		le.PutUint16(f[5:], uint16(s.next()))
	case 6: // twice
		f = append(f, f...)
	case 7: // the next answers are silence
		return nil, true
	case 8:
		return f[:min(len(f), s.next())], false
	case 9:
		f = errorFrame(tagOf(req), uint32(s.next()))
	case 10:
		le.PutUint32(f, uint32(s.next())<<24|uint32(s.next()))
	case 11: // more data than was asked for
		n := s.next() * 1500
		f = message(req[4]+1, tagOf(req), append(le.AppendUint32(nil, uint32(n)), make([]byte, n)...)...)
	case 12: // whatever the script says
		n := s.next()
		n = min(n, len(s.data))
		f = append([]byte(nil), s.data[:n]...)
		s.data = s.data[n:]
	case 13: // directories without end, names of all kinds
		if req[4] == msgTreaddir {
			entry := make([]byte, 24)
			entry[13] = byte(s.next()) // its offset
			entry[22] = byte(min(len(s.data), 20))
			entry = append(entry, s.data[:min(len(s.data), 20)]...)
			f = message(msgTreaddir+1, tagOf(req), append(le.AppendUint32(nil, uint32(len(entry))), entry...)...)
		}
	case 14: // the granted message size, or the first fields of anything else
		for i := headerSize; i < min(len(f), headerSize+4); i++ {
			f[i] = byte(s.next())
		}
	}
	return f, true
}

// FuzzReplies is a server that answers garbage: the client neither panics nor
// hangs, and ends without leaving anything.
func FuzzReplies(f *testing.F) {
	f.Add([]byte{})
	for i := range 16 {
		for at := range 6 {
			f.Add(append(make([]byte, at), byte(i), 200, 100, 3, 7, 255))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &script{data: data}
		srv := serveScript(t, s.answer)
		c, err := Dial(t.Context(), srv.addr, Options{Timeout: 30 * time.Millisecond, Msize: 32 << 10})
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("Dial: %#v", err)
			}
			return
		}
		defer c.Close()
		check := func(err error) {
			if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Text == "" || e.Op == "") {
				t.Errorf("%#v", err)
			}
		}
		_, err = c.Stat(t.Context(), "a/b")
		check(err)
		entries, err := c.ReadDir(t.Context(), "")
		check(err)
		for _, e := range entries {
			if !validName(e.Name()) {
				t.Errorf("a name %q", e.Name())
			}
		}
		_, err = c.ReadFile(t.Context(), "a")
		check(err)
		check(c.WriteFile(t.Context(), "a", []byte("x")))
		if file, err := c.Open(t.Context(), "a", os.O_RDWR); err == nil {
			n, err := file.Read(make([]byte, 100))
			if n < 0 || n > 100 {
				t.Errorf("%d bytes of 100", n)
			}
			_ = err
			_, err = file.Stat(t.Context())
			check(err)
			check(file.Close())
		} else {
			check(err)
		}
	})
}

// FuzzErrorsFile is a list of errors that holds anything.
func FuzzErrorsFile(f *testing.F) {
	f.Add("t\topen\t/a\tENOENT\t0\t1\ttext\\n\\x41\\\\\n")
	f.Add("\t\t\t\t\t\t\n\\x\n\\x4\n\\")
	f.Fuzz(func(t *testing.T, list string) {
		text := findText(list, &Error{Op: "open", Path: "a", Errno: 2}, 1)
		if len(text) > 8*maxText {
			t.Errorf("%d bytes of text", len(text))
		}
		for _, r := range text {
			if isControl(r) {
				t.Errorf("%q in %q", r, text)
			}
		}
	})
}
