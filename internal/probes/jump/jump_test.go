//go:build linux && amd64

package jump

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"
)

//go:noinline
func victim(n int) int {
	var pad [32]byte
	fill(&pad, n)
	return n + int(pad[n&31])
}

//go:noinline
func fill(b *[32]byte, n int) { b[n&31] = 1 }

var passed = new(atomic.Int64)

// entry finds the PUSHQ BP; MOVQ SP, BP; SUBQ of a function.
func entry(t *testing.T, f any) uintptr {
	t.Helper()
	at := reflect.ValueOf(f).Pointer()
	code, err := Code(at, at+64)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(code, []byte{0x55, 0x48, 0x89, 0xe5, 0x48})
	if i < 0 {
		t.Fatalf("no frame set-up in % x", code)
	}
	return at + uintptr(i)
}

// counting makes a stub that counts and goes on behind the site's MOVQ SP, BP.
func counting(t *testing.T, site uintptr, n *atomic.Int64) uintptr {
	t.Helper()
	stub, err := Stub(32, func(at uintptr) []byte {
		c := binary.LittleEndian.AppendUint64([]byte{0x49, 0xbc}, uint64(uintptr(unsafe.Pointer(n)))) // MOVQ $n, R12
		c = append(c, 0xf0, 0x49, 0xff, 0x04, 0x24)                                                   // LOCK; INCQ (R12)
		c = append(c, 0x55, 0x48, 0x89, 0xe5, 0xe9)                                                   // PUSHQ BP; MOVQ SP, BP; JMP
		return binary.LittleEndian.AppendUint32(c, uint32(site+4-(at+uintptr(len(c))+4)))
	})
	if err != nil {
		t.Fatal(err)
	}
	return stub
}

func verify(t *testing.T) {
	t.Helper()
	d, err := Verify()
	if err != nil || len(d) != 0 {
		t.Errorf("code differs from the file: %+v, %v", d, err)
	}
}

func TestArmRestore(t *testing.T) {
	at := entry(t, victim)
	s, err := At(at)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := At(at); again != s || err != nil {
		t.Errorf("a second site: %v, %v", again, err)
	}
	verify(t)
	s.Aim(0)
	if err := Arm(s); err == nil {
		t.Fatal("armed without aim")
	}
	s.Aim(counting(t, at, passed))
	passed.Store(0)
	if got := victim(7); got != 8 || passed.Load() != 0 {
		t.Fatalf("victim(7) = %d, %d passed", got, passed.Load())
	}
	if err := Arm(s); err != nil {
		t.Fatal(err)
	}
	if got := victim(7); got != 8 || passed.Load() != 1 {
		t.Errorf("armed: victim(7) = %d, %d passed", got, passed.Load())
	}
	if p := Patched(); len(p) != 1 || p[0].Addr != at || p[0].Func != "github.com/ispyd/ispyd/internal/probes/jump.victim" {
		t.Errorf("patched: %+v", p)
	}
	d, err := Verify()
	if want := []Difference{{at, "github.com/ispyd/ispyd/internal/probes/jump.victim", 0xe9, 0x55, true}}; err != nil || !reflect.DeepEqual(d, want) {
		t.Errorf("Verify = %+v, %v; want %+v", d, err, want)
	}
	if code, err := Code(at, at+1); err != nil || code[0] != 0x55 {
		t.Errorf("Code of an armed site = % x, %v", code, err)
	}
	other := new(atomic.Int64)
	s.Aim(counting(t, at, other))
	if victim(7); passed.Load() != 1 || other.Load() != 1 {
		t.Errorf("aimed anew: %d and %d passed", passed.Load(), other.Load())
	}
	runtime.KeepAlive(other)
	if err := Close(); err != nil {
		t.Fatal(err)
	}
	if got := victim(7); got != 8 || other.Load() != 1 || s.Armed() || len(Patched()) != 0 {
		t.Errorf("restored: victim(7) = %d, %d passed, armed %v", got, other.Load(), s.Armed())
	}
	verify(t)
}

// TestRace toggles the site at random while it is passed, by threads that are
// stopped for garbage collections.
func TestRace(t *testing.T) {
	at := entry(t, victim)
	s, err := At(at)
	if err != nil {
		t.Fatal(err)
	}
	s.Aim(counting(t, at, passed))
	passed.Store(0)
	var stop atomic.Bool
	var calls atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				if got := victim(n); got != n+1 {
					t.Errorf("victim(%d) = %d", n, got)
					return
				}
				calls.Add(1)
			}
		})
	}
	toggles := 500
	if testing.Short() {
		toggles = 100
	}
	for i := range toggles {
		f := Arm
		if rand.Intn(2) == 0 {
			f = Restore
		}
		if err := f(s); err != nil {
			t.Error(err)
		}
		if i%100 == 0 {
			runtime.GC()
		}
	}
	if err := Arm(s); err != nil {
		t.Error(err)
	}
	for before := passed.Load(); passed.Load() == before; {
		runtime.Gosched()
	}
	stop.Store(true)
	wg.Wait()
	if err := Close(); err != nil {
		t.Error(err)
	}
	if p, c := passed.Load(), calls.Load(); p == 0 || p > c {
		t.Errorf("%d passed of %d calls", p, c)
	}
	verify(t)
}

func TestRefuse(t *testing.T) {
	at := entry(t, fillTwice)
	s, err := At(at)
	if err != nil {
		t.Fatal(err)
	}
	s.Aim(counting(t, at, passed))

	if _, err := At(1); err == nil {
		t.Error("site outside of the code")
	}
	// A breakpoint of somebody else's.
	if err := poke(at, []byte{0xcc}); err != nil {
		t.Fatal(err)
	}
	if err := Arm(s); !errors.Is(err, syscall.EBUSY) || s.Armed() {
		t.Errorf("arming over a breakpoint: %v", err)
	}
	if err := poke(at, []byte{0x55}); err != nil {
		t.Fatal(err)
	}
	if err := Arm(s); err != nil {
		t.Fatal(err)
	}
	if err := poke(at, []byte{0xcc}); err != nil {
		t.Fatal(err)
	}
	if err := Restore(s); !errors.Is(err, syscall.EBUSY) || !s.Armed() {
		t.Errorf("restoring over a breakpoint: %v", err)
	}
	if err := poke(at, []byte{0xe9}); err != nil {
		t.Fatal(err)
	}
	if err := Restore(s); err != nil {
		t.Error(err)
	}

	// A landing page that something else uses, of another form of site: ADDQ; POPQ BP; RET.
	at = reflect.ValueOf(victim).Pointer()
	code, err := Code(at, at+256)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(code, []byte{0x5d, 0xc3}) - 4
	if i < 0 || !bytes.HasPrefix(code[i:], []byte{0x48, 0x83, 0xc4}) {
		t.Fatalf("no epilogue in % x", code)
	}
	at += uintptr(i)
	page := (at + 5 + uintptr(int64(int32(binary.LittleEndian.Uint32(code[i+1:]))))) &^ (pageSize - 1)
	if pages[page] {
		return // an earlier run of this test has it
	}
	if err := mapExecutable(page, pageSize); err != nil {
		t.Fatal(err)
	}
	if _, err := At(at); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("landing page taken: %v", err)
	}
	syscall.RawSyscall(syscall.SYS_MUNMAP, page, pageSize, 0)
	if _, err := At(at); err != nil {
		t.Errorf("landing page free again: %v", err)
	}
	verify(t)
}

//go:noinline
func fillTwice(b *[32]byte) { fill(b, 1); fill(b, 2) }

func TestCheck(t *testing.T) {
	for _, c := range Check() {
		if !c.OK || c.Remedy != "" || c.Detail == "" {
			t.Errorf("%+v", c)
		}
	}
}

func TestStubs(t *testing.T) {
	if _, err := Stub(1<<20, func(uintptr) []byte { return nil }); err == nil {
		t.Error("a stub of 1 MB")
	}
	if _, err := Stub(4, func(uintptr) []byte { return make([]byte, 5) }); err == nil {
		t.Error("a stub larger than announced")
	}
	a, err := Stub(17, func(at uintptr) []byte { return bytes.Repeat([]byte{0x90}, 17) })
	if err != nil {
		t.Fatal(err)
	}
	b, err := Stub(1, func(at uintptr) []byte { return []byte{0xc3} })
	if err != nil || b != a+32 && b != a&^(stubsChunk-1)+stubsChunk {
		t.Errorf("stubs at %#x and %#x, %v", a, b, err)
	}
	if memory(b, b+1)[0] != 0xc3 {
		t.Error("stub is not there")
	}
}
