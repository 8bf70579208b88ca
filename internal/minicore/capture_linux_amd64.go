package minicore

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxMaps bounds what is read of /proc/self/maps: some 2,000 lines. Where Go's
// heap is comes first.
const maxMaps = 128 << 10

// buffers are what a capture needs; some are kept between captures.
type buffers struct {
	stack, data, maps []byte
	thread            []byte
	value             [16]byte
	reach             reach
}

// kept are buffers that wait for the next capture: one set, so that a program
// that panics often does not allocate, and one that does not has little.
var kept struct {
	sync.Mutex
	*buffers
}

func takeBuffers() *buffers {
	kept.Lock()
	defer kept.Unlock()
	b := kept.buffers
	kept.buffers = nil
	if b == nil {
		b = &buffers{}
	}
	return b
}

func (b *buffers) free() {
	kept.Lock()
	defer kept.Unlock()
	kept.buffers = b
}

// Release frees the buffers that are kept for the next capture: up to some 8 MB.
func Release() {
	kept.Lock()
	defer kept.Unlock()
	kept.buffers = nil
}

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }

func copyStack(dst *byte, size uintptr) (gp, addr, hi, fp uintptr)

// Capture takes the goroutine that calls it, from a frame of its stack outwards.
// The frame is the first that is returned to at from.PC. Where that is 0 it is the
// one that panics, when it is called in a deferred function, recovered or not; else
// the caller's. Frames of the runtime are passed over: a nil pointer's panic begins
// where the pointer was used. from.SP and from.BP are used
// where the frame is not found by its frame pointer; they must be of this very
// moment, since a stack moves when it grows.
//
// Value is the panic value. It takes 1 to 3 ms, in which other goroutines run.
func Capture(from Frame, value any, limits Limits) (*Snapshot, error) {
	begin := time.Now()
	img, err := program()
	if err != nil {
		return nil, err
	}
	limits = limits.orDefault()
	b := takeBuffers()
	b.stack = grown(b.stack, limits.Stack)
	g, addr, hi, fp := copyStack(&b.stack[0], uintptr(len(b.stack)))
	if addr >= hi {
		b.free()
		return nil, errors.New("capture: not on a goroutine's stack")
	}
	stack := b.stack[:min(len(b.stack), int(hi-addr))]
	follow(stack, uint64(addr), uint64(hi), from.Stack)
	f, saved, err := find(stack, uint64(addr), uint64(fp), from)
	if err != nil {
		b.free()
		return nil, err
	}
	s := img.snapshot(b, KindPanic, begin)
	s.Info.Truncated = len(stack) < int(hi-addr)
	var roots []uint64
	s.Registers, s.Info.Registers = savedRegisters(img.mem, stack, uint64(addr), saved)
	if s.Info.Registers {
		roots = s.Registers.arguments()
	}
	r := &s.Registers
	r.RIP, r.RSP, r.RBP, r.R14 = uint64(f.PC), uint64(f.SP), uint64(f.BP), uint64(g)
	words := *(*[2]uint64)(unsafe.Pointer(&value))
	// Below the frame is what it called, and an interrupted function's return
	// address.
	below := min(uint64(f.SP)-uint64(addr), 128)
	start := uint64(f.SP) - below
	s.fill(img, limits, segment{start, stack[start-uint64(addr):]}, below, uint64(g), words, roots)
	s.setStack(uint64(g), hi)
	runtime.KeepAlive(value)
	return s, nil
}

// follow corrects the pointers in a copied stack that lead to where it was before it
// moved. What lies in the stack as it is now is left alone, should both overlap.
func follow(stack []byte, addr, hi uint64, was Bounds) {
	lo, top := uint64(was.Lo), uint64(was.Hi)
	if top == 0 || top == hi || lo >= top {
		return
	}
	for ; len(stack) >= 8; stack = stack[8:] {
		if a := le.Uint64(stack); a >= lo && a < top && (a < addr || a >= hi) {
			le.PutUint64(stack, a+hi-top)
		}
	}
}

// FromCopy takes a goroutine that has run on. It may be called on any goroutine.
// The copied stack wins over what is there by now.
func FromCopy(c Copy) (*Snapshot, error) {
	img, err := program()
	if err != nil {
		return nil, err
	}
	sp := c.Registers.RSP
	if sp < c.StackAddr || sp-c.StackAddr > uint64(len(c.Stack)) {
		return nil, fmt.Errorf("capture: the stack pointer %#x is not in the copied stack, %d bytes at %#x", sp, len(c.Stack), c.StackAddr)
	}
	limits := c.Limits.orDefault()
	b := takeBuffers()
	if c.Time.IsZero() {
		c.Time = time.Now()
	}
	s := img.snapshot(b, KindError, c.Time)
	s.Registers = c.Registers
	stack := c.Stack
	if len(stack) > limits.Stack {
		stack, s.Info.Truncated = stack[:limits.Stack], true
	}
	b.stack = append(b.stack[:0], stack...)
	s.Info.Registers = true
	roots := append(c.Registers.arguments(), c.Roots...)
	s.fill(img, limits, segment{c.StackAddr, b.stack}, sp-c.StackAddr, c.G, img.emptyInterface(c.Error), roots)
	return s, nil
}

// emptyInterface is an error as an interface {}: its table names its type in the
// second word (internal/abi/iface.go, type ITab).
func (img *image) emptyInterface(err [2]uint64) [2]uint64 {
	word := make([]byte, 8)
	if err[0] == 0 || img.mem.read(err[0]+8, word) != nil {
		return [2]uint64{}
	}
	return [2]uint64{le.Uint64(word), err[1]}
}

func (img *image) snapshot(b *buffers, kind string, t time.Time) *Snapshot {
	return &Snapshot{
		Info: Info{
			Kind: kind, Executable: img.executable, GoBuildID: img.goID, GNUBuildID: img.gnu,
			PID: img.pid, TID: unix.Gettid(), Time: t,
		},
		auxv: img.auxv, files: img.files, buf: b,
	}
}

// fill adds memory to a snapshot. Above is where in the stack the frame of
// interest begins.
func (s *Snapshot) fill(img *image, limits Limits, stack segment, above, g uint64, value [2]uint64, roots []uint64) {
	b := s.buf
	s.Registers.FSBase = ThreadAddr
	s.fixed = append(s.fixed, stack, s.thread(g), s.value(value))
	s.variables(img, limits.Data)

	r := &b.reach
	r.img, r.stack, r.limit, r.short = img, region{stack.addr, stack.end()}, limits.Heap, false
	r.stop = s.Info.Time.Add(limits.Time)
	if s.Info.Kind != KindPanic {
		r.stop = time.Now().Add(limits.Time)
	}
	r.regions = heapRegions(r.regions[:0], b.readMaps())
	r.heap = grown(r.heap, limits.Heap)[:0]
	r.pieces = r.pieces[:0]
	if r.seen == nil {
		r.seen = map[uint64]struct{}{}
	}
	clear(r.seen)
	if r.iov == nil {
		r.iov = make([]unix.RemoteIovec, 0, batch)
	}
	frames := stack.data[above:]
	near := min(len(frames), nearStack)
	r.from([]uint64{g}, nil, 1, limits.Heap, false)
	r.from(append([]uint64{value[1], value[0]}, roots...), frames[:near], nearLevels, nearBytes, false)
	r.short = false // beyond the levels of all it was a gift
	r.from(nil, frames, levels, limits.Heap, true)
	s.pieces = r.pieces
	s.Info.Truncated = s.Info.Truncated || r.short
}

// thread is the thread-local storage: wherever a debugger looks for the goroutine
// in it, it finds it.
func (s *Snapshot) thread(g uint64) segment {
	b := s.buf.thread[:0]
	for range threadBlock / 8 {
		b = le.AppendUint64(b, g)
	}
	s.buf.thread = b
	return segment{ThreadAddr - threadBlock, b}
}

func (s *Snapshot) value(words [2]uint64) segment {
	b := &s.buf.value
	le.PutUint64(b[:], words[0])
	le.PutUint64(b[8:], words[1])
	return segment{ValueAddr, b[:]}
}

// variables reads the program's variables.
func (s *Snapshot) variables(img *image, limit int) {
	total := 0
	for _, v := range img.variables {
		total += int(min(v.end-v.start, uint64(limit)))
	}
	b := grown(s.buf.data, total)
	s.buf.data = b
	for _, v := range img.variables {
		n := int(min(v.end-v.start, uint64(limit)))
		// What is not read is not in the core: a debugger says so.
		got, _ := img.mem.readSome(v.start, b[:n])
		s.fixed = append(s.fixed, segment{v.start, b[:max(got, 0):n]})
		b = b[n:]
	}
}

// setStack sets the stack's bounds in the copied goroutine to what they were when
// the stack was copied: it may have grown since, and moved.
func (s *Snapshot) setStack(g uint64, hi uintptr) {
	for _, p := range s.pieces {
		if p.addr <= g+8 && g+16 <= p.end() {
			le.PutUint64(p.data[g+8-p.addr:], uint64(hi))
		}
	}
}

func (b *buffers) readMaps() []byte {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil // nothing of the heap, then
	}
	defer f.Close()
	b.maps = grown(b.maps, maxMaps)
	n := 0
	for n < len(b.maps) {
		k, err := f.Read(b.maps[n:])
		n += k
		if err != nil || k == 0 {
			break
		}
	}
	return b.maps[:n]
}

// grown is b with a length of n, its content unspecified.
func grown(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// maxWalk is how many frames are looked at for the one of interest.
const maxWalk = 200

// find walks the frame pointers of a copied stack up to the frame of interest.
// Saver is the frame that it called, where that saved its registers.
func find(stack []byte, addr, fp uint64, from Frame) (f Frame, saver Frame, err error) {
	word := func(a uint64) (uint64, bool) {
		if a < addr || a-addr+8 > uint64(len(stack)) {
			return 0, false
		}
		return le.Uint64(stack[a-addr:]), true
	}
	found, panics, interrupted := from.PC == 0, false, false
	var first Frame // the innermost, should nothing panic
	for range maxWalk {
		saved, ok := word(fp)
		pc, ok2 := word(fp + 8)
		if !ok || !ok2 || pc == 0 {
			break
		}
		f = Frame{PC: uintptr(pc), SP: uintptr(fp + 16), BP: uintptr(saved)}
		found = found || f.PC == from.PC
		name := function(f.PC)
		switch {
		case found && !passed(name) && (from.PC != 0 || panics):
			return at(f, interrupted), saver, nil
		case found && !passed(name) && first.PC == 0:
			first = f
		}
		panics = panics || name == "runtime.gopanic"
		interrupted = name == "runtime.sigpanic"
		if saver = (Frame{}); name == savingFunction {
			saver = f
		}
		if saved <= fp {
			break
		}
		fp = saved
	}
	if first.PC != 0 {
		return at(first, false), Frame{}, nil
	}
	if ret, ok := word(uint64(from.SP) - 8); ok && from.PC != 0 && ret == uint64(from.PC) {
		return at(from, false), Frame{}, nil
	}
	return Frame{}, Frame{}, fmt.Errorf("capture: no frame of %#x (%s) on this goroutine's stack", from.PC, function(from.PC))
}

// at is a frame as a debugger takes the innermost one: where it is, not where a
// call returns to, which may be behind the function's end.
func at(f Frame, interrupted bool) Frame {
	if !interrupted {
		f.PC--
	}
	return f
}

// passed says which functions are not of interest by themselves: the runtime's,
// where there is a caller to be blamed, and Capture.
func passed(name string) bool {
	if name == "runtime.main" || name == "runtime.goexit" {
		return false
	}
	return strings.HasPrefix(name, "runtime.") || strings.HasPrefix(name, "internal/runtime/") ||
		name == self
}

// self is what everybody is captured by.
const self = "github.com/ispyd/ispyd/internal/minicore.Capture"

// function is the name of the function that is compiled at pc, whatever is
// inlined into it there.
func function(pc uintptr) string {
	f := runtime.FuncForPC(pc - 1)
	if f == nil {
		return ""
	}
	if outer := runtime.FuncForPC(f.Entry()); outer != nil {
		return outer.Name()
	}
	return f.Name()
}
