package symbols

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/nearest"
)

// escapePath is how the linker writes an import path (cmd/internal/objabi
// PathToPrefix): in the last element dots, and everywhere quotes, percent signs,
// control and non-ASCII bytes are %xx.
func escapePath(path string) string {
	last := strings.LastIndexByte(path, '/')
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c <= ' ' || c == '.' && i > last || c == '%' || c == '"' || c >= 0x7f {
			b.WriteByte('%')
			b.WriteByte("0123456789abcdef"[c>>4])
			b.WriteByte("0123456789abcdef"[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// unescapePath undoes escapePath, anywhere in a name.
func unescapePath(name string) string {
	if strings.IndexByte(name, '%') < 0 {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '%' && i+2 < len(name) {
			if v, err := strconv.ParseUint(name[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// pack returns the package that a name, as one writes it, begins with: the one of
// the longest path. It is nil where there is none.
func (t *table) pack(name string) *pack {
	for end := len(name); end > 0; {
		// A path ends at a dot, and nothing in brackets is one.
		if i := strings.LastIndexByte(name[:end], '.'); i >= 0 {
			end = i
		} else {
			break
		}
		if k := t.packAt(name[:end]); k != nil {
			return k
		}
	}
	return nil
}

// packAt returns the package of a path.
func (t *table) packAt(path string) *pack {
	i := sort.Search(len(t.packages), func(i int) bool { return t.packages[i].path >= path })
	if i < len(t.packages) && t.packages[i].path == path {
		return &t.packages[i]
	}
	return nil
}

// rawName is a name as the linker writes it.
func (t *table) rawName(name string) string {
	if k := t.pack(name); k != nil {
		return k.prefix + name[len(k.path)+1:]
	}
	return name
}

// split returns the package of a symbol and what follows its path and dot.
func (t *table) split(name string) (*pack, string) {
	k := t.pack(name)
	if k == nil {
		return nil, name
	}
	return k, name[len(k.path)+1:]
}

// near returns " (near: x)" for a symbol of the kind that list selects, or "".
func (t *table) near(name string, list func(*pack) []ref) (hint string) {
	t.read(func() {
		k, _ := t.split(name)
		if k == nil {
			hint = t.nearPackage(name, list)
			return
		}
		names := make([]string, 0, 64)
		for _, r := range list(k) {
			names = append(names, k.name(t.nameAt(r.name)))
		}
		if hint = nearest.Hint(name, names); hint != "" {
			return
		}
		// main.ordr may be meant for main.(*store).order.
		last := make([]string, len(names))
		for i, n := range names {
			last[i] = n[strings.LastIndexByte(n, '.')+1:]
		}
		if n := nearest.Name(name[strings.LastIndexByte(name, '.')+1:], last); n != "" {
			hint = " (near: " + names[slices.Index(last, n)] + ")"
		}
	})
	return hint
}

// nearPackage is near for a name of a package that there is not, or of none.
func (t *table) nearPackage(name string, list func(*pack) []ref) string {
	dot := strings.LastIndexByte(name, '.')
	slash := strings.LastIndexByte(name, '/')
	if dot < slash || dot < 0 {
		// No package: perhaps one of main's own names.
		if k := t.packAt("main"); k != nil && len(t.find(list(k), k.prefix+name)) > 0 {
			return " (near: main." + name + ")"
		}
		return ""
	}
	path, rest := name[:dot], name[dot:]
	for i := range t.packages {
		// http.DefaultServeMux for net/http.DefaultServeMux.
		k := &t.packages[i]
		if strings.HasSuffix(k.path, "/"+path) && len(t.find(list(k), k.prefix+rest[1:])) > 0 {
			return " (near: " + k.path + rest + ")"
		}
	}
	paths := make([]string, len(t.packages))
	for i := range t.packages {
		paths[i] = t.packages[i].path
	}
	return nearest.Hint(path, paths)
}

// name is a raw symbol of the package as one writes it. Symbols of other packages
// stand in a package's units too: they are unescaped as they are.
func (k *pack) name(raw string) string {
	if strings.HasPrefix(raw, k.prefix) {
		return k.path + raw[len(k.prefix)-1:]
	}
	return unescapePath(raw)
}
