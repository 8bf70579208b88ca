package debugger

import (
	"context"
	"io"
	"io/fs"
	"sort"
	"strings"

	"github.com/ispyd/ispyd/internal/nearest"
	"github.com/ispyd/ispyd/internal/symbols/pclntab"
	"github.com/ispyd/ispyd/nodes"
)

// target is what the name of a function stands for.
type target struct {
	name  string         // in Go's spelling, with a final * for a prefix
	funcs []pclntab.Func // that have code of their own
	// inlined are how many functions it is inlined into.
	inlined int
}

// maxName is how long the name of a function may be.
const maxName = 1024

// spellings are the ways in which Go may spell what somebody wrote: as it is, or
// the pkg:func of the first ispyd.
func spellings(name string) []string {
	name = unquoted(name)
	slash := strings.LastIndexByte(name, '/')
	colon := strings.IndexByte(name[slash+1:], ':')
	if colon < 0 {
		return []string{name}
	}
	pkg, fn := name[:slash+1+colon], name[slash+1+colon+1:]
	list := []string{pkg + "." + fn}
	if typ, method, ok := strings.Cut(fn, "."); ok && !strings.HasPrefix(typ, "(") {
		list = append(list, pkg+".(*"+typ+")."+method)
	}
	return list
}

// unquoted is a name without the quotes that a shell would have wanted.
func unquoted(name string) string {
	if n := len(name); n > 2 && name[0] == name[n-1] && (name[0] == '\'' || name[0] == '"') {
		return name[1 : n-1]
	}
	return name
}

// escapedDots is how the linker spells the dots of a package's last element:
// gopkg.in/yaml%2ev3.Unmarshal.
func escapedDots(name string) string {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return name
	}
	last := name[slash+1:]
	end := len(last)
	if i := strings.IndexAny(last, "(["); i > 0 {
		end = i - 1
	} else if i := strings.LastIndexByte(last, '.'); i > 0 {
		end = i
	}
	return name[:slash+1] + strings.ReplaceAll(last[:max(end, 0)], ".", "%2e") + last[max(end, 0):]
}

// find returns what a name stands for. The error is fs.ErrNotExist, with the
// nearest names, where nothing is called so.
func find(table *pclntab.Table, name string) (*target, error) {
	if len(name) > maxName {
		return nil, nodes.Errorf(fs.ErrInvalid, "the name of a function has at most %d bytes", maxName)
	}
	for _, try := range spellings(name) {
		for _, try := range []string{try, escapedDots(try)} {
			if t := lookUp(table, try); t != nil {
				return t, nil
			}
		}
	}
	return nil, nodes.Errorf(fs.ErrNotExist, "there is no function %.200q in this program%s; the file functions lists them", unquoted(name), hint(table, name))
}

// lookUp returns what exactly this name, or pattern, stands for, or nil.
func lookUp(table *pclntab.Table, name string) *target {
	t := &target{name: name}
	prefix, pattern := strings.CutSuffix(name, "*")
	generic := strings.Contains(name, "[...]")
	switch {
	case pattern:
		table.Funcs(func(f pclntab.Func) bool {
			if strings.HasPrefix(pclntab.Display(f.Name()), prefix) {
				t.funcs = append(t.funcs, f)
			}
			return true
		})
	case generic:
		table.Funcs(func(f pclntab.Func) bool {
			if pclntab.Display(f.Name()) == name {
				t.funcs = append(t.funcs, f)
			}
			return true
		})
	default:
		if f, ok := table.Lookup(name); ok {
			t.funcs = []pclntab.Func{f}
		} else {
			t.inlined = len(table.InlinedInto(name))
		}
	}
	if len(t.funcs) == 0 && t.inlined == 0 {
		return nil
	}
	return t
}

// hint names the functions that may have been meant.
func hint(table *pclntab.Table, name string) string {
	want := spellings(name)[0]
	var near, ends []string
	last := want[strings.LastIndexByte(want, '/')+1:]
	_, bare, _ := strings.Cut(last, ".")
	pkg := strings.TrimSuffix(want, "."+bare)
	seen := map[string]bool{}
	look := func(name string) bool {
		n := pclntab.Display(name)
		if seen[n] {
			return true
		}
		seen[n] = true
		if len(near) < 20_000 && strings.HasPrefix(n, pkg+".") {
			near = append(near, n)
		}
		if bare != "" && len(ends) < 3 && (strings.HasSuffix(n, "."+bare) || strings.HasSuffix(n, ")."+bare)) {
			ends = append(ends, n)
		}
		return true
	}
	table.Funcs(func(f pclntab.Func) bool {
		f.Inlines(look)
		return look(f.Name())
	})
	var found []string
	if n := nearest.Name(want, near); n != "" {
		found = append(found, n)
	}
	for _, n := range ends {
		if len(found) == 0 || found[0] != n {
			found = append(found, n)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return " (near: " + strings.Join(found, ", ") + ")"
}

// names returns the functions of this program, a line each.
func names() ([]byte, error) {
	table, err := pclntab.Open()
	if err != nil {
		return nil, err
	}
	all := map[string]struct{}{}
	add := func(name string) {
		if !strings.HasPrefix(name, "go:") && !strings.HasPrefix(name, "type:") {
			all[pclntab.Display(name)] = struct{}{}
		}
	}
	table.Funcs(func(f pclntab.Func) bool {
		add(f.Name())
		f.Inlines(func(name string) bool { add(name); return true })
		return true
	})
	list, n := make([]string, 0, len(all)), 0
	for name := range all {
		list, n = append(list, name), n+len(name)+1
	}
	sort.Strings(list)
	text := make([]byte, 0, n)
	for _, name := range list {
		text = append(nodes.AppendEscaped(text, name), '\n')
	}
	return text, nil
}

// functions is the file of that name.
func functions() nodes.File {
	return nodes.Text("functions", "the functions of the program, by name, also those that are inlined everywhere: what a probe can be put on", func(_ context.Context, w io.Writer) error {
		text, err := names()
		if err != nil {
			_, err = io.WriteString(w, "not known: "+err.Error()+"\n")
			return err
		}
		_, err = w.Write(text)
		return err
	})
}
