package client

import (
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// scripted is a server made of messages: what it answers is up to the test.
type scripted struct {
	addr string
	wg   sync.WaitGroup
	mu   sync.Mutex
	open []net.Conn
}

// serveScript answers each request of each connection with what answer returns
// for it, nothing where that is nil, and hangs up where it returns false.
func serveScript(t testing.TB, answer func(req []byte) ([]byte, bool)) *scripted {
	t.Helper()
	s := &scripted{addr: filepath.Join(shortDir(t), "s")}
	l := listenUnix(t, s.addr)
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open = append(s.open, c)
			s.mu.Unlock()
			s.wg.Go(func() {
				defer c.Close()
				for {
					req, err := readFrame(c)
					if err != nil {
						return
					}
					reply, ok := answer(req)
					if _, err := c.Write(reply); err != nil || !ok {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for _, c := range s.open {
			c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

// message makes a message with the size it has.
func message(typ byte, tag uint16, body ...byte) []byte {
	f := make([]byte, headerSize, headerSize+len(body))
	f = append(f, body...)
	header(f, len(f), typ, tag)
	return f
}

func tagOf(f []byte) uint16 { return le.Uint16(f[5:]) }

const (
	msgTlopen   = 12
	msgTgetattr = 24
	msgTattach  = 104
)

// good answers a request as a server would whose every file is a regular file
// that holds "good\n", and whose root has one of them.
func good(req []byte) []byte {
	tag := tagOf(req)
	qid := make([]byte, 13)
	switch req[4] {
	case msgTversion:
		return message(msgTversion+1, tag, req[headerSize:]...)
	case msgTattach:
		qid[0] = 0x80
		return message(msgTattach+1, tag, qid...)
	case msgTwalk:
		n := le.Uint16(req[15:])
		body := le.AppendUint16(nil, n)
		for range n {
			body = append(body, qid...)
		}
		return message(msgTwalk+1, tag, body...)
	case msgTwalkgetattr:
		n := le.Uint16(req[15:])
		body := make([]byte, 8+132)
		le.PutUint32(body[8:], 0o100444)
		body = le.AppendUint16(body, n)
		for range n {
			body = append(body, qid...)
		}
		return message(msgTwalkgetattr+1, tag, body...)
	case msgTlopen:
		return message(msgTlopen+1, tag, append(qid, 0, 0, 0, 0)...)
	case msgTgetattr:
		return message(msgTgetattr+1, tag, append(append(make([]byte, 8), qid...), make([]byte, 132)...)...)
	case msgTread:
		data := ""
		if le.Uint64(req[11:]) == 0 {
			data = "good\n"
		}
		data = data[:min(len(data), int(le.Uint32(req[19:])))]
		return message(msgTread+1, tag, append(le.AppendUint32(nil, uint32(len(data))), data...)...)
	case msgTreaddir:
		var body []byte
		if le.Uint64(req[11:]) == 0 {
			body = append(append(qid, 1, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0), 'a')
		}
		return message(msgTreaddir+1, tag, append(le.AppendUint32(nil, uint32(len(body))), body...)...)
	case msgTwrite:
		return message(msgTwrite+1, tag, req[19:23]...)
	case msgTclunk, msgTflush:
		return message(req[4]+1, tag)
	}
	return errorFrame(tag, 95)
}
