package returns

import (
	"bytes"
	"context"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/ispyd/ispyd/internal/probes/insn"
	"github.com/ispyd/ispyd/internal/probes/jump"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
)

func getg() uintptr
func routines() (capturePC, observePC uintptr)
func readTSC() uint64

const sysProcessVMReadv = 310

// peek reads memory that may not be there.
func peek(addr uintptr, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	type iovec struct{ base, n uintptr }
	local := iovec{uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))}
	remote := iovec{addr, uintptr(len(b))}
	n, _, errno := syscall.RawSyscall6(sysProcessVMReadv, uintptr(syscall.Getpid()),
		uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	runtime.KeepAlive(b)
	return errno == 0 && n == uintptr(len(b))
}

func peekWords(addr uintptr, w []uint64) bool {
	return len(w) == 0 || peek(addr, unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), 8*len(w)))
}

// barrierProbe has a write barrier, that is to say a comparison of
// runtime.writeBarrier with 0.
//
//go:noinline
func barrierProbe(p **int, v *int) { *p = v }

// findBarrier reads the address of runtime.writeBarrier off the code of
// barrierProbe; the name itself may not be linked to. 0 if it is not found.
func findBarrier(t *pclntab.Table) uintptr {
	barrierProbe(new(*int), nil)
	f, ok := t.Func(reflect.ValueOf(barrierProbe).Pointer())
	if !ok {
		return 0
	}
	code, err := jump.Code(f.Entry(), f.End())
	if err != nil {
		return 0
	}
	for o := 0; o < len(code); {
		in := insn.Decode(code[o:])
		if in.Len == 0 {
			return 0
		}
		start := o
		o += in.Len
		// CMPL $0, x(IP): 83 /7 ib, without prefixes.
		if in.Op != insn.Cmp || in.Base != insn.RIP || code[start] != 0x83 || code[o-1] != 0 {
			continue
		}
		at := f.Entry() + uintptr(o) + uintptr(in.Disp)
		// It is off nearly always, and 1 at most.
		if w := make([]byte, 4); peek(at, w) && (w[0]|1 == 1) && w[1]|w[2]|w[3] == 0 {
			return at
		}
	}
	return 0
}

const gWords = 80 // more than the fields that are looked for

// findOffsets looks for the goroutine's id and profiler labels in the runtime's g.
// The offsets differ between versions; what cannot be told for certain is 0.
func findOffsets() (goid, labels uintptr) {
	type found struct{ goid, labels map[int]bool }
	var all []found
	for range 3 {
		c := make(chan found)
		go func() { c <- found{wordsWithID(), wordsWithLabels()} }()
		all = append(all, <-c)
	}
	one := func(sets func(found) map[int]bool) uintptr {
		var in []int
		for i := range sets(all[0]) {
			if sets(all[1])[i] && sets(all[2])[i] {
				in = append(in, i)
			}
		}
		if len(in) != 1 {
			return 0
		}
		return uintptr(in[0] * 8)
	}
	return one(func(f found) map[int]bool { return f.goid }), one(func(f found) map[int]bool { return f.labels })
}

func ownG() (w [gWords]uint64, ok bool) {
	ok = peekWords(getg(), w[:])
	return
}

func wordsWithID() map[int]bool {
	var buf [64]byte
	b := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	b, _, _ = bytes.Cut(b, []byte(" "))
	id, err := strconv.ParseUint(string(b), 10, 64)
	w, ok := ownG()
	if err != nil || !ok {
		return nil
	}
	out := map[int]bool{}
	for i, v := range w {
		if v == id {
			out[i] = true
		}
	}
	return out
}

func wordsWithLabels() map[int]bool {
	var snaps [4][gWords]uint64
	ctx := context.Background()
	contexts := [4]context.Context{
		ctx,
		pprof.WithLabels(ctx, pprof.Labels("k", "first")),
		pprof.WithLabels(ctx, pprof.Labels("k", "second")),
		ctx,
	}
	for i, c := range contexts {
		pprof.SetGoroutineLabels(c)
		var ok bool
		if snaps[i], ok = ownG(); !ok {
			return nil
		}
	}
	want := func(p uint64, v string) bool {
		l := readLabels(uintptr(p))
		return len(l) == 1 && l[0] == Label{"k", v}
	}
	out := map[int]bool{}
	for i := range gWords {
		if snaps[0][i] == 0 && snaps[3][i] == 0 && want(snaps[1][i], "first") && want(snaps[2][i], "second") {
			out[i] = true
		}
	}
	runtime.KeepAlive(contexts)
	return out
}

const (
	maxLabels = 64
	maxLabel  = 1 << 10
)

// readLabels reads a runtime/pprof.labelMap, which is a slice of pairs of strings
// (label.go). findOffsets has verified that.
func readLabels(at uintptr) []Label {
	var slice [3]uint64
	if at == 0 || !peekWords(at, slice[:]) || slice[1] > maxLabels {
		return nil
	}
	w := make([]uint64, 4*slice[1])
	if !peekWords(uintptr(slice[0]), w) {
		return nil
	}
	var out []Label
	for ; len(w) > 0; w = w[4:] {
		k, ok1 := peekString(w[0], w[1], maxLabel)
		v, ok2 := peekString(w[2], w[3], maxLabel)
		if !ok1 || !ok2 {
			return nil
		}
		out = append(out, Label{k, v})
	}
	return out
}

// peekString reads a string of two words, at most max bytes of it.
func peekString(ptr, n, max uint64) (string, bool) {
	if int64(n) < 0 {
		return "", false
	}
	b := make([]byte, min(n, max))
	if !peek(uintptr(ptr), b) {
		return "", false
	}
	return string(b), true
}

// initAssembly fills in what the assembly needs to know of the program.
func initAssembly(t *pclntab.Table) {
	goid, labels := findOffsets()
	atomic.StoreUintptr(&goidOffset, goid)
	atomic.StoreUintptr(&labelsOffset, labels)
	atomic.StoreUintptr(&barrierFlag, findBarrier(t))
}
