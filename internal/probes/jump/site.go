//go:build linux && amd64

package jump

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const (
	jumpBytes    = 5 // e9 and the distance
	opJump       = 0xe9
	landingBytes = 6 // JMP *distance(RIP)

	lowestLanding  = 1 << 16 // vm.mmap_min_addr's usual value
	highestLanding = 1<<47 - 2*pageSize

	// MaxSites bounds the landings of a process, and thereby their pages.
	MaxSites = 8192
)

// targets are where the landings jump to, by Site. They are part of the program,
// so that landings reach them, and stores are atomic: a Site can be aimed anew
// while threads pass.
var targets [MaxSites]uintptr

// Site is one instruction that can be turned into a jump. There is one for an
// address, for the life of the process; its methods may be called from many
// goroutines.
type Site struct {
	addr, landing uintptr
	original      [jumpBytes]byte
	slot          int
	armed         bool // under mu
}

// At prepares the instruction at addr, of five bytes or with others of the same
// basic block behind it, which must not be entered in the middle by what the
// caller knows of the function: it maps the landing page. It changes no code.
// The site must be aimed before it is armed.
func At(addr uintptr) (*Site, error) {
	mu.Lock()
	defer mu.Unlock()
	if s := sites[addr]; s != nil {
		return s, nil
	}
	e, err := start()
	if err != nil {
		return nil, err
	}
	if m := e.table.Module(); addr < m.Text || addr+jumpBytes > m.Etext {
		return nil, fmt.Errorf("%#x is not in the program's code", addr)
	}
	b, err := e.image.read(addr, addr+jumpBytes)
	if err != nil {
		return nil, err
	}
	if now := memory(addr, addr+jumpBytes); !bytes.Equal(now, b) {
		return nil, changed(addr, now, b)
	}
	if b[0] == opJump {
		return nil, fmt.Errorf("at %#x is a jump already: %w", addr, errors.ErrUnsupported)
	}
	// The four bytes behind a site are its jump's distance.
	for a := addr - jumpBytes + 1; a < addr+jumpBytes; a++ {
		if sites[a] != nil {
			return nil, fmt.Errorf("%#x is too close to another site, %#x: %w", addr, a, errors.ErrUnsupported)
		}
	}
	if len(sites) == MaxSites {
		return nil, fmt.Errorf("%d sites in use: %w", MaxSites, syscall.ENOSPC)
	}
	s := &Site{addr: addr, original: [jumpBytes]byte(b), slot: len(sites)}
	s.landing = addr + jumpBytes + uintptr(int64(int32(binary.LittleEndian.Uint32(b[1:]))))
	if s.landing < lowestLanding || s.landing > highestLanding {
		return nil, fmt.Errorf("the landing %#x of %#x is outside of the address space: %w", s.landing, addr, errors.ErrUnsupported)
	}
	if err := s.land(); err != nil {
		return nil, err
	}
	sites[addr] = s
	return s, nil
}

// land writes the landing: JMP *targets[slot](RIP).
func (s *Site) land() error {
	i := sort.Search(len(landings), func(i int) bool { return landings[i]+landingBytes > s.landing })
	if i < len(landings) && landings[i] < s.landing+landingBytes {
		return fmt.Errorf("the landing %#x of %#x overlaps another: %w", s.landing, s.addr, errors.ErrUnsupported)
	}
	for p := s.landing &^ (pageSize - 1); p < s.landing+landingBytes; p += pageSize {
		if pages[p] {
			continue
		}
		if err := mapExecutable(p, pageSize); err != nil {
			return err
		}
		pages[p] = true
	}
	d := int64(uintptr(unsafe.Pointer(&targets[s.slot]))) - int64(s.landing) - landingBytes
	if d != int64(int32(d)) {
		return fmt.Errorf("the landing %#x of %#x is out of reach: %w", s.landing, s.addr, errors.ErrUnsupported)
	}
	code := binary.LittleEndian.AppendUint32([]byte{0xff, 0x25}, uint32(d))
	if err := poke(s.landing, code); err != nil {
		return err
	}
	landings = append(landings, 0)
	copy(landings[i+1:], landings[i:])
	landings[i] = s.landing
	return nil
}

// Addr is the address of the byte.
func (s *Site) Addr() uintptr { return s.addr }

// Landing is where the jump lands.
func (s *Site) Landing() uintptr { return s.landing }

// Original are the bytes that the executable file has at Addr.
func (s *Site) Original() [5]byte { return s.original }

// Aim makes the jump go to target, an address of code that finds registers and
// stack as they were before the instruction. It may change while the site is
// armed; the old target stays in use by threads that are on their way.
func (s *Site) Aim(target uintptr) { atomic.StoreUintptr(&targets[s.slot], target) }

// Armed reports whether the byte is changed.
func (s *Site) Armed() bool {
	mu.Lock()
	defer mu.Unlock()
	return s.armed
}

// Arm writes the jumps of all these sites, or of none. Armed ones stay as they are.
func Arm(s ...*Site) error {
	mu.Lock()
	defer mu.Unlock()
	if _, err := start(); err != nil {
		return err
	}
	if err := Untraced(); err != nil {
		return err
	}
	for _, s := range s {
		if atomic.LoadUintptr(&targets[s.slot]) == 0 {
			return fmt.Errorf("the site at %#x is not aimed", s.addr)
		}
	}
	var done []*Site
	for _, s := range s {
		if s.armed {
			continue
		}
		if err := s.write(s.original[0], opJump); err != nil {
			return errors.Join(err, restore(done), barrier())
		}
		s.armed = true
		done = append(done, s)
	}
	return barrier()
}

// Restore puts the bytes of these sites back. What cannot be restored stays
// armed, and is told; the others are restored all the same.
func Restore(s ...*Site) error {
	mu.Lock()
	defer mu.Unlock()
	armed := false
	for _, s := range s {
		armed = armed || s.armed
	}
	if !armed {
		return nil
	}
	if err := Untraced(); err != nil {
		return err
	}
	return errors.Join(restore(s), barrier())
}

func restore(s []*Site) error {
	var errs []error
	for _, s := range s {
		if !s.armed {
			continue
		}
		if err := s.write(opJump, s.original[0]); err != nil {
			errs = append(errs, err)
			continue
		}
		s.armed = false
	}
	return errors.Join(errs...)
}

// write replaces the byte, unless somebody else has.
func (s *Site) write(from, to byte) error {
	now := append([]byte(nil), memory(s.addr, s.addr+jumpBytes)...)
	want := s.original
	want[0] = from
	if now[0] == to && bytes.Equal(now[1:], want[1:]) {
		return nil // a debugger that was attached meanwhile put back what it found
	}
	if !bytes.Equal(now, want[:]) {
		return changed(s.addr, now, want[:])
	}
	return poke(s.addr, []byte{to})
}

func changed(addr uintptr, now, want []byte) error {
	return fmt.Errorf("the code at %#x is % x instead of % x; has a debugger left a breakpoint?: %w", addr, now, want, syscall.EBUSY)
}
