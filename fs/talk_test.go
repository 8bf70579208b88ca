package fs_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ispyd/ispyd/fs"
)

// TestConversations holds the conversations in testdata/talk against a server
// of the usual tree. Each file is one connection, a line a message:
//
//	-> Twalk TAG FID NEWFID NAME...   what the client sends: fields in the order
//	                                  of the protocol, numbers decimal, hex or
//	                                  octal as in Go, strings plain or quoted
//	-> raw 0700000064                 bytes in hex, sent as they are
//	<- Rread TAG "text"               what the server must answer; * is any field
//	<- closed                         the server closes the connection
//	wait blocking                     an operation of the tree begins to block
//	# comment
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/talk/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tr := newTree()
			s := start(t, fs.Options{Root: tr.root, Limits: fs.Limits{Msize: 8 << 10}})
			c := rawDial(t, s.addr)
			c.SetDeadline(time.Now().Add(patience))
			for i, line := range strings.Split(string(script), "\n") {
				if err := speak(t, tr, c, line); err != nil {
					t.Fatalf("%s:%d: %s: %v", file, i+1, line, err)
				}
			}
		})
	}
}

func speak(t *testing.T, tr *tree, c net.Conn, line string) error {
	words := split(line)
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	switch words[0] {
	case "->":
		m, err := compose(words[1:])
		if err != nil {
			return err
		}
		_, err = c.Write(m)
		return err
	case "<-":
		m, err := rawReply(c)
		got := "closed"
		switch {
		case err == nil:
			got = decompose(m)
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		default:
			return err
		}
		if !matches(words[1:], split(got)) {
			return fmt.Errorf("got %s", got)
		}
		return nil
	case "wait":
		tr.await(t, words[1], 1)
		return nil
	}
	return errors.New("not a line of a conversation")
}

// split splits a line at blanks; quoted strings stay whole, with their quotes.
func split(line string) (words []string) {
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" {
			return words
		}
		word, err := strconv.QuotedPrefix(line)
		if err != nil {
			word, _, _ = strings.Cut(line, " ")
		}
		words = append(words, word)
		line = line[len(word):]
	}
}

func matches(want, got []string) bool {
	for i, w := range want {
		if w == "..." {
			return true
		}
		if i >= len(got) || w != "*" && w != got[i] {
			return false
		}
	}
	return len(want) == len(got)
}

// layouts are the fields of requests: bytes of a number, s for a string, n for
// the names of a walk, d for counted data.
var layouts = map[string]struct {
	typ    byte
	fields string
}{
	"Tstatfs": {8, "4"}, "Tlopen": {12, "44"}, "Tlcreate": {14, "4s444"}, "Tsymlink": {16, "4ss4"},
	"Tmknod": {18, "4s4444"}, "Trename": {20, "44s"}, "Treadlink": {22, "4"}, "Tgetattr": {24, "48"},
	"Tsetattr": {26, "44444" + "88888"}, "Txattrwalk": {30, "44s"}, "Txattrcreate": {32, "4s84"},
	"Treaddir": {40, "484"}, "Tfsync": {50, "4"}, "Tlock": {52, "414884s"}, "Tgetlock": {54, "41884s"},
	"Tlink": {70, "44s"}, "Tmkdir": {72, "4s44"}, "Trenameat": {74, "4s4s"}, "Tunlinkat": {76, "4s4"},
	"Tversion": {100, "4s"}, "Tauth": {102, "4ss4"}, "Tattach": {104, "44ss4"}, "Tflush": {108, "2"},
	"Twalk": {110, "44n"}, "Tread": {116, "484"}, "Twrite": {118, "48d"}, "Tclunk": {120, "4"},
	"Tremove": {122, "4"}, "Twalkgetattr": {126, "44n"},
}

func compose(words []string) (msg, error) {
	if words[0] == "raw" {
		return hex.DecodeString(strings.Join(words[1:], ""))
	}
	l, ok := layouts[words[0]]
	if !ok {
		return nil, fmt.Errorf("no such request: %s", words[0])
	}
	tag, err := strconv.ParseUint(words[1], 0, 16)
	if err != nil {
		return nil, err
	}
	m := newMsg(l.typ, uint16(tag))
	words = words[2:]
	for _, f := range l.fields {
		if f == 'n' {
			m = m.u16(uint16(len(words)))
			for _, w := range words {
				m = m.str(unquote(w))
			}
			return m.end(), nil
		}
		if len(words) == 0 {
			return nil, errors.New("too few fields")
		}
		w := words[0]
		words = words[1:]
		switch f {
		case 's':
			m = m.str(unquote(w))
		case 'd':
			data := unquote(w)
			m = append(m.u32(uint32(len(data))), data...)
		default:
			v, err := strconv.ParseUint(w, 0, 64)
			if err != nil {
				return nil, err
			}
			m = append(m, le.AppendUint64(nil, v)[:f-'0']...)
		}
	}
	if len(words) > 0 {
		return nil, errors.New("too many fields")
	}
	return m.end(), nil
}

func unquote(w string) string {
	if s, err := strconv.Unquote(w); err == nil {
		return s
	}
	return w
}

// decompose makes a line of a reply: its name, tag, and what matters of it.
func decompose(m msg) string {
	tag, b := le.Uint16(m[5:]), m[7:]
	str := func(off int) string { return string(b[off+2:][:le.Uint16(b[off:])]) }
	qids := func(b []byte) (s string) {
		for n := le.Uint16(b); n > 0; n-- {
			s += fmt.Sprintf(" %02x", b[2])
			b = b[13:]
		}
		return s
	}
	attr := func(b []byte) string {
		return fmt.Sprintf("mode=%o nlink=%d size=%d", le.Uint32(b), le.Uint64(b[12:]), le.Uint64(b[28:]))
	}
	names := []string{}
	for name, l := range layouts {
		if l.typ == m[4]-1 {
			names = append(names, "R"+name[1:])
		}
	}
	slices.Sort(names)
	switch m[4] {
	case 7:
		return fmt.Sprintf("Rlerror %d %s", tag, fs.ErrnoName(le.Uint32(b)))
	case 13, 105: // Rlopen, Rattach
		return fmt.Sprintf("%s %d %02x", names[0], tag, b[0])
	case 25: // Rgetattr: valid, qid, attributes
		return fmt.Sprintf("Rgetattr %d %02x %s", tag, b[8], attr(b[21:]))
	case 41: // Rreaddir
		s := fmt.Sprintf("Rreaddir %d", tag)
		for b = b[4:]; len(b) > 0; b = b[24+len(str(22)):] {
			s += fmt.Sprintf(" %s:%02x:%d@%d", strconv.Quote(str(22)), b[0], b[21], le.Uint64(b[13:]))
		}
		return s
	case 101: // Rversion
		return fmt.Sprintf("Rversion %d %d %s", tag, le.Uint32(b), str(4))
	case 111: // Rwalk
		return fmt.Sprintf("Rwalk %d%s", tag, qids(b))
	case 117: // Rread
		return fmt.Sprintf("Rread %d %s", tag, strconv.Quote(string(b[4:])))
	case 119: // Rwrite
		return fmt.Sprintf("Rwrite %d %d", tag, le.Uint32(b))
	case 127: // Rwalkgetattr: valid, attributes, qids
		return fmt.Sprintf("Rwalkgetattr %d %s%s", tag, attr(b[8:]), qids(b[140:]))
	}
	if len(names) == 0 {
		return fmt.Sprintf("type %d", m[4])
	}
	return strings.TrimSpace(fmt.Sprintf("%s %d %x", names[0], tag, []byte(b)))
}
