package eval

import (
	"reflect"
	"runtime"
	"sync"
	"unsafe"
	"weak"
)

// A map of the program may be written at any time, and the runtime ends the process
// when it finds out that a map is read meanwhile. So only maps that the session has
// made itself are read through the runtime; others are read here, with typed
// pointers, every slot twice. The layout is that of internal/runtime/maps (map.go,
// table.go, group.go) and internal/abi/map.go; it is compared with a map of known
// content before the first use.

// owns notes that the session has made the map m.
func (s *Session) owns(m reflect.Value) {
	p := (*byte)(m.UnsafePointer())
	key := uintptr(unsafe.Pointer(p))
	s.maps.Store(key, weak.Make(p))
	runtime.AddCleanup(p, func(key uintptr) {
		if w, ok := s.maps.Load(key); ok && w.(weak.Pointer[byte]).Value() == nil {
			s.maps.CompareAndDelete(key, w)
		}
	}, key)
}

// write changes m beside other goroutines of the session.
func (s *Session) write(m, k, v reflect.Value) {
	s.mapLock.Lock()
	defer s.mapLock.Unlock()
	m.SetMapIndex(k, v)
}

func (s *Session) owned(m reflect.Value) bool {
	_, ok := s.maps.Load(uintptr(m.UnsafePointer()))
	return ok
}

// lookupMap returns m[k], invalid where it has none.
func (s *Session) lookupMap(m, k reflect.Value) reflect.Value {
	mapKey(k)
	if m.IsNil() {
		return reflect.Value{}
	}
	if s.owned(m) {
		s.mapLock.RLock()
		defer s.mapLock.RUnlock()
		return m.MapIndex(k)
	}
	if !layoutKnown() {
		panic(&stopError{refused("the layout of maps in this program is not known: its maps cannot be read safely")})
	}
	return liveMap(m).find(k)
}

// walkMap calls f with the entries of m until it returns false.
func (s *Session) walkMap(m reflect.Value, f func(k, v reflect.Value) bool) {
	if m.IsNil() {
		return
	}
	if s.owned(m) {
		it := m.MapRange()
		step := func() (k, v reflect.Value, ok bool) {
			s.mapLock.RLock()
			defer s.mapLock.RUnlock()
			if !it.Next() {
				return k, v, false
			}
			return it.Key(), it.Value(), true
		}
		for k, v, ok := step(); ok && f(k, v); k, v, ok = step() {
		}
		return
	}
	if !layoutKnown() {
		panic(&stopError{refused("the layout of maps in this program is not known: its maps cannot be read safely")})
	}
	liveMap(m).walk(f)
}

type abiMap struct {
	abiType
	key, elem, group             unsafe.Pointer
	hasher                       func(unsafe.Pointer, uintptr) uintptr
	groupSize, slotSize, elemOff uintptr
	flags                        uint32
}

const (
	indirectKey  = 1 << 2
	indirectElem = 1 << 3
)

type runtimeMap struct {
	used        uint64
	seed        uintptr
	dir         unsafe.Pointer
	dirLen      int
	globalDepth uint8
	globalShift uint8
	writing     uint8
	tombstones  bool
	clearSeq    uint64
}

type runtimeTable struct {
	_, _, _    uint16 // used, capacity, growthLeft
	_          uint8  // localDepth
	_          int    // index
	groups     unsafe.Pointer
	lengthMask uint64
}

const (
	groupSlots = 8
	maxGroups  = 1 << 7 // of a table: 1024 slots
)

// liveReader reads one map.
type liveReader struct {
	t         *abiMap
	m         *runtimeMap
	key, elem reflect.Type
}

func liveMap(m reflect.Value) liveReader {
	return liveReader{(*abiMap)(typeWord(m.Type())), (*runtimeMap)(m.UnsafePointer()), m.Type().Key(), m.Type().Elem()}
}

// groups calls f with each group of slots, as they are now.
func (r liveReader) groups(f func(group unsafe.Pointer) bool) {
	dir, n := r.m.dir, r.m.dirLen
	if dir == nil {
		return
	}
	if n <= 0 {
		f(dir)
		return
	}
	if n > 1<<30 || n&(n-1) != 0 {
		return
	}
	var last *runtimeTable
	for _, t := range unsafe.Slice((**runtimeTable)(dir), n) {
		if t == nil || t == last {
			continue
		}
		last = t
		groups, mask := t.groups, t.lengthMask
		if groups == nil || mask >= maxGroups {
			continue
		}
		for i := range mask + 1 {
			if !f(unsafe.Add(groups, uintptr(i)*r.t.groupSize)) {
				return
			}
		}
	}
}

// slot copies the slot i of a group; ok is false where it is free, or was written
// meanwhile.
func (r liveReader) slot(group unsafe.Pointer, i uintptr) (k, v reflect.Value, ok bool) {
	ctrl := (*[groupSlots]uint8)(group)
	for range 3 {
		if ctrl[i]&0x80 != 0 {
			return k, v, false
		}
		at := unsafe.Add(group, groupSlots+i*r.t.slotSize)
		k1, v1, ok1 := r.entry(at)
		k2, v2, ok2 := r.entry(at)
		if ok1 && ok2 && sameBytes(k1, k2) && sameBytes(v1, v2) && ctrl[i]&0x80 == 0 {
			return k2, v2, true
		}
	}
	return k, v, false
}

func (r liveReader) entry(at unsafe.Pointer) (k, v reflect.Value, ok bool) {
	kp, vp := at, unsafe.Add(at, r.t.elemOff)
	if r.t.flags&indirectKey != 0 {
		kp = *(*unsafe.Pointer)(kp)
	}
	if r.t.flags&indirectElem != 0 {
		vp = *(*unsafe.Pointer)(vp)
	}
	if kp == nil || vp == nil {
		return k, v, false
	}
	return copyOf(reflect.NewAt(r.key, kp).Elem()), copyOf(reflect.NewAt(r.elem, vp).Elem()), true
}

//go:noinline
func sameBytes(a, b reflect.Value) bool {
	n := a.Type().Size()
	if n == 0 {
		return true
	}
	return string(unsafe.Slice((*byte)(a.Addr().UnsafePointer()), n)) == string(unsafe.Slice((*byte)(b.Addr().UnsafePointer()), n))
}

func (r liveReader) walk(f func(k, v reflect.Value) bool) {
	r.groups(func(g unsafe.Pointer) bool {
		for i := range uintptr(groupSlots) {
			if k, v, ok := r.slot(g, i); ok && !f(k, v) {
				return false
			}
		}
		return true
	})
}

// find looks a key up as the runtime does: by its hash, in the groups of one table.
func (r liveReader) find(key reflect.Value) (found reflect.Value) {
	key = addressable(key)
	try := func(g unsafe.Pointer) bool {
		for i := range uintptr(groupSlots) {
			if k, v, ok := r.slot(g, i); ok && k.Equal(key) {
				found = v
				return true
			}
		}
		return false
	}
	dir, n := r.m.dir, r.m.dirLen
	if dir == nil || n <= 0 {
		if dir != nil {
			try(dir)
		}
		return found
	}
	hash := r.t.hasher(key.Addr().UnsafePointer(), r.m.seed)
	i := uintptr(0)
	if n > 1 {
		i = hash >> (r.m.globalShift & 63)
	}
	if i >= uintptr(n) || n > 1<<30 {
		return found
	}
	t := unsafe.Slice((**runtimeTable)(dir), n)[i]
	if t == nil {
		return found
	}
	groups, mask := t.groups, t.lengthMask
	if groups == nil || mask >= maxGroups {
		return found
	}
	at := uint64(hash>>7) & mask
	for j := uint64(1); j <= mask+1; j++ {
		g := unsafe.Add(groups, uintptr(at)*r.t.groupSize)
		if try(g) {
			return found
		}
		for _, c := range (*[groupSlots]uint8)(g) {
			if c == 0x80 { // empty: the runtime would look no further
				return found
			}
		}
		at = (at + j) & mask
	}
	return found
}

// layoutKnown compares the layout with maps of known content, once.
func layoutKnown() bool {
	layout.Do(func() { layout.known = checkLayout() })
	return layout.known
}

var layout struct {
	sync.Once
	known bool
}

func checkLayout() (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	type wide [200]byte
	for _, n := range []int{0, 1, 8, 9, 5000} {
		m := map[string]int{}
		w := map[int]wide{}
		for i := range n {
			m[string(rune('a'+i%26))+string(rune(i))] = i
			w[i] = wide{199: byte(i)}
		}
		seen, sum := 0, 0
		v := reflect.ValueOf(m)
		liveMap(v).walk(func(_, e reflect.Value) bool { seen++; sum += int(e.Int()); return true })
		if seen != n || sum != n*(n-1)/2 {
			return false
		}
		for k, want := range m {
			if got := liveMap(v).find(reflect.ValueOf(k)); !got.IsValid() || int(got.Int()) != want {
				return false
			}
		}
		x := reflect.ValueOf(w)
		for i := range n {
			if got := liveMap(x).find(reflect.ValueOf(i)); !got.IsValid() || got.Index(199).Uint() != uint64(byte(i)) {
				return false
			}
		}
	}
	return true
}
