//go:build linux && amd64

package minicore

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/ispyd/ispyd/internal/need"
)

// core is a written core, with its memory.
type core struct{ *elf.File }

func written(t testing.TB, s *Snapshot) core {
	t.Helper()
	var b bytes.Buffer
	if _, err := s.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return core{f}
}

// at is what the core has at an address, nil where it has not all of it.
func (c core) at(addr uintptr, n int) []byte {
	for _, p := range c.Progs {
		if p.Type == elf.PT_LOAD && uint64(addr) >= p.Vaddr && uint64(addr)+uint64(n) <= p.Vaddr+p.Filesz {
			b := make([]byte, n)
			if _, err := p.ReadAt(b, int64(uint64(addr)-p.Vaddr)); err != nil {
				return nil
			}
			return b
		}
	}
	return nil
}

type node struct {
	text string
	next *node
}

var global = "a variable"

// caught captures a goroutine in the deferred function of one that panics.
func caught(do func(), limits Limits) (s *Snapshot, err error) {
	defer func() {
		v := recover()
		s, err = Capture(Frame{}, v, limits)
	}()
	do()
	return nil, errors.New("no panic")
}

//go:noinline
func crash(list *node) {
	defer runtime.KeepAlive(list)
	panic(list)
}

// What the goroutine reaches is in the core, as it was.
func TestCapture(t *testing.T) {
	text := strings.Repeat("x", 400)
	list := &node{text, &node{"second", &node{strings.Clone("third"), nil}}}
	s, err := caught(func() { crash(list) }, Limits{Time: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := written(t, s)
	if got := string(c.at(uintptr(unsafe.Pointer(unsafe.StringData(text))), len(text))); got != text {
		t.Errorf("the text is %q", got)
	}
	third := list.next.next
	if got := c.at(uintptr(unsafe.Pointer(third)), int(unsafe.Sizeof(*third))); len(got) == 0 || string(c.at(uintptr(le.Uint64(got)), 5)) != "third" {
		t.Errorf("the third is % x", got)
	}
	if got := c.at(uintptr(unsafe.Pointer(&global)), 16); len(got) == 0 || le.Uint64(got[8:]) != uint64(len(global)) {
		t.Errorf("the variable is % x", got)
	}
	value := c.at(ValueAddr, 16)
	if le.Uint64(value[8:]) != uint64(uintptr(unsafe.Pointer(list))) {
		t.Errorf("the panic value is % x", value)
	}
	if name := function(uintptr(s.Registers.RIP) + 1); !strings.HasSuffix(name, ".crash") {
		t.Errorf("the frame is of %s", name)
	}
	g := c.at(ThreadAddr-8, 8)
	if le.Uint64(g) != s.Registers.R14 {
		t.Errorf("below the thread pointer is % x, the goroutine is %x", g, s.Registers.R14)
	}
	if info := s.Info; info.Kind != KindPanic || info.GoBuildID == "" && info.GNUBuildID == "" || info.PID != os.Getpid() || info.Truncated {
		t.Errorf("%+v", info)
	}
	end := uint64(0)
	for _, p := range c.Progs {
		if p.Type == elf.PT_LOAD {
			if p.Vaddr < end {
				t.Errorf("segments overlap at %#x", p.Vaddr)
			}
			end = p.Vaddr + p.Memsz
		}
	}
}

// The code that saves registers is the one that is known: after a new version of Go
// fails here, compare runtime.panicBounds with savedRegisters.
func TestSavedRegisters(t *testing.T) {
	var list []int
	s, err := caught(func() { outOfBounds(list, 4711) }, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	found := false
	for _, v := range s.Registers.arguments() {
		found = found || v == 4711
	}
	if !s.Info.Registers || !found {
		t.Errorf("%v, %+v", s.Info.Registers, s.Registers)
	}
}

//go:noinline
func outOfBounds(list []int, i int) int { return list[i] }

// A capture keeps within its limits, and says so.
func TestLimits(t *testing.T) {
	var all []*node
	for range 20000 {
		all = append(all, &node{text: strings.Repeat("y", 500)})
	}
	s, err := caught(func() { descend(2000, func() { panic(all) }) }, Limits{Stack: 32 << 10, Heap: 256 << 10, Data: 64 << 10, Time: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	runtime.KeepAlive(all)
	variables := 0
	if img, err := program(); err == nil {
		variables = len(img.variables)
	}
	if most := int64(32<<10 + 256<<10 + variables*64<<10 + 64<<10); s.Size() > most || !s.Info.Truncated {
		t.Errorf("%d bytes, of %d; truncated: %v", s.Size(), most, s.Info.Truncated)
	}
}

//go:noinline
func descend(n int, do func()) int {
	var pad [64]byte
	pad[n%64] = byte(n)
	if n == 0 {
		do()
		return 0
	}
	return descend(n-1, do) + int(pad[0])
}

// Many goroutines are captured while their stacks grow, shrink, and are collected.
func TestConcurrent(t *testing.T) {
	stop := make(chan struct{})
	var collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				text := fmt.Sprintf("goroutine %d, panic %d", i, j)
				s, err := caught(func() { descend(i*j*10, func() { crash(&node{text: text}) }) }, Limits{})
				if err != nil {
					t.Error(err)
					return
				}
				c := written(t, s)
				value := c.at(ValueAddr, 16)
				n := c.at(uintptr(le.Uint64(value[8:])), 16)
				if n == nil || string(c.at(uintptr(le.Uint64(n)), len(text))) != text {
					t.Errorf("%s is not in its core", text)
				}
				if name := function(uintptr(s.Registers.RIP) + 1); !strings.HasSuffix(name, ".crash") {
					t.Errorf("the frame is of %s", name)
				}
				s.Close()
			}
		})
	}
	wg.Wait()
	close(stop)
	collector.Wait()
	Release()
}

// An address that cannot be read is left out, by both ways of reading.
func TestUnreadable(t *testing.T) {
	file, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	page := uint64(os.Getpagesize())
	here := make([]byte, 4*piece)
	for i := range here {
		here[i] = byte(i / piece)
	}
	addr := uint64(addressOf(here))
	for name, m := range map[string]*memory{"process_vm_readv": {pid: os.Getpid()}, "/proc/self/mem": {file: file}} {
		var got []uint64
		b := make([]byte, 5*piece)
		m.readPieces(nil, []uint64{addr, page, addr + 2*piece, 1 << 46, addr + 3*piece}, b, func(a uint64, data []byte) {
			if data[0] != here[a-addr] || data[piece-1] != here[a-addr+piece-1] {
				t.Errorf("%s: at %#x is % x", name, a, data[:8])
			}
			got = append(got, a-addr)
		})
		if fmt.Sprint(got) != fmt.Sprint([]uint64{0, 2 * piece, 3 * piece}) {
			t.Errorf("%s: read at %v", name, got)
		}
		if err := m.read(page, make([]byte, 8)); err == nil {
			t.Errorf("%s: the first page was read", name)
		}
	}
	runtime.KeepAlive(here)
}

func TestWrongFrame(t *testing.T) {
	if s, err := Capture(Frame{PC: 1}, nil, Limits{}); err == nil {
		s.Close()
		t.Error("a frame that there is not was captured")
	}
	if s, err := FromCopy(Copy{Stack: make([]byte, 100), StackAddr: 0x1000, Registers: Registers{RSP: 0x2000}}); err == nil {
		s.Close()
		t.Error("a stack pointer outside the stack was captured")
	}
	s, err := FromCopy(Copy{Stack: make([]byte, 100), StackAddr: 0x1000, Registers: Registers{RSP: 0x1000}, Error: [2]uint64{1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// The command dlv opens what was captured, of programs of each kind.
func TestDelve(t *testing.T) {
	if testing.Short() {
		t.Skip("dlv is installed from the module proxy, and three programs are built")
	}
	dlv, dir := need.Delve(t), t.TempDir()
	for name, flags := range map[string][]string{"exe": nil, "pie": {"-buildmode=pie"}, "noopt": {"-gcflags=github.com/ispyd/ispyd/...=-N -l"}} {
		t.Run(name, func(t *testing.T) {
			exe := filepath.Join(dir, name)
			build := exec.Command("go", append(append([]string{"build", "-o", exe}, flags...), "./testdata/subject")...)
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, kind := range []string{"custom", "nil", "copy"} {
				file := exe + "." + kind
				if out, err := exec.Command(exe, file, kind).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", kind, err, out)
				}
				frame := map[string]string{"custom": "1", "nil": "2", "copy": "2"}[kind]
				cmd := exec.Command(dlv, "core", exe, file, "--allow-non-terminal-interactive")
				cmd.Env = append(os.Environ(), "HOME="+dir, "TERM=dumb", "NO_COLOR=1")
				cmd.Stdin = strings.NewReader("bt\nframe " + frame + "\np s.store.items[2].Tags\np user\np main.total\np *(*\"interface {}\")(0x10000)\nquit\n")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Errorf("%s: %v\n%s", kind, err, out)
				}
				value := map[string]string{"custom": `Code: 404`, "nil": "nil pointer dereference", "copy": "no such order for bob"}[kind]
				for _, want := range []string{"in main.order", `["red","blue"]`, `"bob"`, "4711", value} {
					if !strings.Contains(string(out), want) {
						t.Errorf("%s: not %s in\n%s", kind, want, out)
					}
				}
			}
		})
	}
}
