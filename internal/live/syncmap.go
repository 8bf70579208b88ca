package live

import (
	"context"
	"reflect"
	"strconv"

	"github.com/ispyd/ispyd/internal/symbols"
)

const syncMap = "sync.Map"

// The layout of internal/sync.entry[any, any], which begins with the node that inner
// nodes of the trie point to: whether it is an entry, the next of the same hash, key
// and value (internal/sync/hashtriemap.go, Go 1.24 to 1.26).
const (
	entryNext  = 8
	entryKey   = 16
	entryValue = 32
	entryBytes = 48
	// maxTrie bounds how many nodes are visited, maxChain the entries of one hash,
	// maxCount the entries that are counted behind those that are shown.
	maxTrie  = 1 << 26
	maxChain = 1000
	maxCount = 1 << 16
)

// trie is where the root of a sync.Map is, and where nodes have their children. ok is
// false where a sync.Map is made otherwise.
func trie(t *symbols.Type) (root, children uintptr, n int, ok bool) {
	field := func(t *symbols.Type, name string) *symbols.Field {
		if t == nil || t.Kind() != reflect.Struct {
			return nil
		}
		for i, l := 0, t.Fields(); i < len(l); i++ {
			if l[i].Name == name {
				return &l[i]
			}
		}
		return nil
	}
	m := field(t, "m")
	if m == nil {
		return
	}
	r := field(m.Type, "root")
	if r == nil {
		return
	}
	ptr := atomicElem(r.Type)
	if ptr == nil {
		return
	}
	c := field(ptr.Elem(), "children")
	if c == nil || c.Type.Kind() != reflect.Array || c.Type.Len() > 256 || c.Type.Size() != 8*uintptr(c.Type.Len()) {
		return
	}
	return m.Offset + r.Offset, c.Offset, c.Type.Len(), true
}

// eachSync calls f with the key and value, two words each, of each entry of a
// sync.Map whose bytes are b, until it returns false.
func (d *Decoder) eachSync(ctx context.Context, t *symbols.Type, b []byte, f func(entry []byte) bool) (ok bool) {
	at, children, n, ok := trie(t)
	if !ok || at+8 > uintptr(len(b)) {
		return false
	}
	// Memory of an earlier moment may lack some: then nothing is said of the whole.
	missing := false
	read := func(p uintptr, b []byte) bool {
		got := !d.gone(p) && d.read(p, b) == nil
		missing = missing || !got && d.Memory != nil
		return got
	}
	todo := []uintptr{word(b[at:])}
	kids, e := make([]byte, 8*n), make([]byte, entryBytes)
	for visited := 0; len(todo) > 0 && visited < maxTrie && ctx.Err() == nil; visited++ {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch {
		case p == 0 || !read(p, e[:1]):
		case e[0] == 0:
			if read(p+children, kids) {
				for i := n - 1; i >= 0; i-- {
					if c := word(kids[8*i:]); c != 0 {
						todo = append(todo, c)
					}
				}
			}
		default:
			for i := 0; p != 0 && i < maxChain && read(p, e); i++ {
				if !f(e) {
					return true
				}
				p = word(e[entryNext:])
			}
		}
	}
	return !missing
}

// syncMapping decodes a sync.Map as the map that it is; nil where that is made in
// another way than the known one.
func (d *Decoder) syncMapping(t *symbols.Type, b []byte, depth int) *Value {
	if depth > d.limits.Depth {
		return nil
	}
	word := d.Index.TypeOf(reflect.TypeFor[any]())
	v := &Value{Form: Map}
	ok := d.eachSync(d.ctx, t, b, func(e []byte) bool {
		v.Len++
		if len(v.Members) < d.limits.Items && d.left > 0 {
			k := d.shown("", word, e[entryKey:entryValue], 0, depth+1)
			v.Members = append(v.Members, Member{Key: k, Value: d.shown(nameOf(k), word, e[entryValue:], 0, depth+1)})
		}
		return v.Len < maxCount
	})
	if !ok {
		return nil
	}
	v.cut(len(v.Members), v.Len)
	if v.Len >= maxCount {
		v.Note = strconv.Itoa(len(v.Members)) + " of " + strconv.Itoa(v.Len) + " or more"
	}
	sortMembers(v.Members)
	return v
}

// syncEntry finds the value of a key of a sync.Map.
func (d *Decoder) syncEntry(ctx context.Context, p Place, index string) (Place, error) {
	any := d.Index.TypeOf(reflect.TypeFor[any]())
	match, err := d.matcher(ctx, &mapType{key: any}, index)
	if err != nil {
		return p, err
	}
	b := p.Bytes
	if b == nil {
		b = make([]byte, p.Type.Size())
		if err := d.read(p.Addr, b); err != nil {
			return p, err
		}
	}
	var found *Place
	if !d.eachSync(ctx, p.Type, b, func(e []byte) bool {
		if match(e[entryKey:entryValue]) {
			found = &Place{Type: any, Bytes: append([]byte{}, e[entryValue:]...), Name: keyName(index)}
		}
		return found == nil
	}) {
		return p, missing("a %s has no indices", p.Type)
	}
	if err := ctx.Err(); err != nil {
		return p, err
	}
	if found == nil {
		return p, noKey(any)
	}
	return *found, nil
}
