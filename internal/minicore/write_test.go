package minicore

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// Pieces that were read next to each other become one segment, and what a fixed
// segment has wins over a piece wherever they overlap.
func TestSegments(t *testing.T) {
	heap := bytes.Repeat([]byte("p"), 8*piece)
	at := func(n int, addr uint64) segment { return segment{addr, heap[n*piece : (n+1)*piece]} }
	fixed := func(addr uint64, n int) segment { return segment{addr, bytes.Repeat([]byte("F"), n)} }
	tests := []struct {
		name          string
		fixed, pieces []segment
		want          string // addresses in units of 256 bytes
	}{
		{"neighbours", nil, []segment{at(0, 0x4000), at(1, 0x4400), at(2, 0x5000)}, "40-48p 50-54p"},
		{"out of order", nil, []segment{at(1, 0x4400), at(0, 0x4000)}, "40-48p"},
		{"not neighbours in the buffer", nil, []segment{at(0, 0x4400), at(1, 0x4000)}, "40-44p 44-48p"},
		{"fixed within", []segment{fixed(0x4100, 256)}, []segment{at(0, 0x4000)}, "40-41p 41-42F 42-44p"},
		{"fixed over the end", []segment{fixed(0x4300, 512)}, []segment{at(0, 0x4000), at(1, 0x4400)}, "40-43p 43-45F 45-48p"},
		{"fixed over all", []segment{fixed(0x3f00, 4096)}, []segment{at(0, 0x4000), at(1, 0x4400)}, "3f-4fF"},
		{"two fixed in one", []segment{fixed(0x4300, 256), fixed(0x4000, 256)}, []segment{at(0, 0x4000)}, "40-41F 41-43p 43-44F"},
		{"fixed alone", []segment{fixed(0x9000, 256), fixed(0x100, 256)}, []segment{at(0, 0x4000)}, "1-2F 40-44p 90-91F"},
		{"empty", []segment{{0x4100, nil}}, []segment{at(0, 0x4000)}, "40-44p"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &Snapshot{fixed: tt.fixed, pieces: tt.pieces}
			var got []string
			for _, seg := range s.segments() {
				for _, c := range seg.data {
					if c != seg.data[0] {
						t.Fatalf("a segment at %#x is of both", seg.addr)
					}
				}
				got = append(got, strings.Join([]string{hex(seg.addr >> 8), "-", hex(seg.end() >> 8), string(seg.data[:1])}, ""))
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func hex(v uint64) string {
	const digits = "0123456789abcdef"
	if v < 16 {
		return digits[v : v+1]
	}
	return hex(v>>4) + digits[v&15:v&15+1]
}

func sample() *Snapshot {
	return &Snapshot{
		Info: Info{
			Kind: KindPanic, Executable: "/opt/a program", GoBuildID: "a/b/c/d", GNUBuildID: "0123ab",
			PID: 4711, TID: 4712, Time: time.Date(2026, 11, 22, 1, 2, 3, 4, time.UTC), Registers: true, Truncated: true,
		},
		Registers: Registers{RIP: 0x401000, RSP: 0x1000},
		fixed:     []segment{{0x1000, []byte("stack")}},
		files:     []fileMapping{{0x5000, 0x6000, 3}},
		auxv:      make([]byte, 32),
	}
}

// What is written is read again, and a core that was cut short is told.
func TestReadInfo(t *testing.T) {
	s := sample()
	var b bytes.Buffer
	n, err := s.WriteTo(&b)
	if err != nil || n != int64(b.Len()) || n != s.Size() {
		t.Fatalf("%d bytes written, %d there, %d said: %v", n, b.Len(), s.Size(), err)
	}
	info, size, err := ReadInfo(bytes.NewReader(b.Bytes()))
	if err != nil || info != s.Info || size != n {
		t.Errorf("%+v of %d bytes: %v", info, size, err)
	}
	for _, cut := range []int{0, 10, 63, 64, 100, 64 + 2*56, 300, 500} {
		_, _, err := ReadInfo(bytes.NewReader(b.Bytes()[:cut]))
		if err == nil || !strings.Contains(err.Error(), "truncated") {
			t.Errorf("the first %d bytes: %v", cut, err)
		}
	}
	if _, size, err := ReadInfo(bytes.NewReader(b.Bytes()[:b.Len()-1])); err != nil || size != n {
		t.Errorf("without its last byte it is said to have %d: %v", size, err)
	}
	for name, text := range map[string]string{"text": strings.Repeat("no core ", 100), "library": "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x03\x00\x3e\x00" + strings.Repeat("\x00", 100)} {
		if _, _, err := ReadInfo(strings.NewReader(text)); !errors.Is(err, ErrNotMiniCore) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e, err := elf.NewFile(bytes.NewReader(b.Bytes()))
	if err != nil || e.Type != elf.ET_CORE || e.Machine != elf.EM_X86_64 || len(e.Progs) != 2 {
		t.Errorf("as ELF: %+v, %v", e, err)
	}
}

// failing fails after so many bytes.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.left -= n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

func TestWriteFails(t *testing.T) {
	s := sample()
	for left := range int(s.Size()) {
		if n, err := s.WriteTo(&failing{left}); !errors.Is(err, io.ErrShortWrite) || n != int64(left) {
			t.Fatalf("room for %d: %d written, %v", left, n, err)
		}
	}
}

func FuzzReadInfo(f *testing.F) {
	var b bytes.Buffer
	if _, err := sample().WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:200])
	f.Fuzz(func(t *testing.T, data []byte) {
		info, size, err := ReadInfo(bytes.NewReader(data))
		if err == nil && size < headerSize+programSize {
			t.Errorf("%+v in %d bytes", info, size)
		}
	})
}

func TestHeapRegions(t *testing.T) {
	const maps = `00400000-004de000 r-xp 00000000 fe:00 12  /opt/program
00600000-00640000 rw-p 001d0000 fe:00 12  /opt/program
00640000-00680000 rw-p 00000000 00:00 0
00680000-00690000 rw-p 00000000 00:00 0
01000000-01020000 rw-p 00000000 00:00 0                                  [heap]
c000000000-c000400000 rw-p 00000000 00:00 0                              [anon: Go: heap]
c000400000-c004000000 ---p 00000000 00:00 0
7f0000000000-7f0000001000 rw-s 00000000 00:01 5                          /dev/shm/shared
nonsense
7f0000002000-7f0000001000 rw-p 00000000 00:00 0
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
7ffc00100000-7ffc00104000 r--p 00000000 00:00 0                          [vvar]
7ffd00000000-7ffd0000`
	want := []region{{0x640000, 0x690000}, {0x1000000, 0x1020000}, {0xc000000000, 0xc000400000}}
	got := heapRegions(nil, []byte(maps))
	if len(got) != len(want) {
		t.Fatalf("%x", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%x, want %x", got[i], want[i])
		}
	}
}

func FuzzHeapRegions(f *testing.F) {
	f.Add([]byte("c000000000-c000400000 rw-p 00000000 00:00 0 \n"))
	f.Add([]byte("1-2 rw-p\n2-3 rw-p 0 0 0 [heap]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, r := range heapRegions(nil, text) {
			if r.start >= r.end {
				t.Errorf("%x", r)
			}
		}
	})
}
