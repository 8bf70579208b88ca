package complete

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/fs/client"
)

// splitPath cuts a path as it is typed into its directory, with the slash, and the
// rest.
func splitPath(text string) (dir, base string) {
	i := strings.LastIndexByte(text, '/') + 1
	if i == 0 && strings.HasPrefix(text, space.LocalPrefix) {
		i = len(space.LocalPrefix)
	}
	return text[:i], text[i:]
}

// paths offers files and directories of the namespace, or directories alone.
func (l *lookup) paths(text string, dirs bool) {
	dir, base := splitPath(text)
	if _, ok := space.Local(dir); ok {
		l.local(text, strings.TrimPrefix(dir, space.LocalPrefix), dirs)
		return
	}
	abs := space.Abs(l.dir, dir)
	if dir == "" {
		abs = l.dir
	}
	var items []item
	for _, e := range l.entries(abs) {
		if dirs && !e.dir {
			continue
		}
		it := item{text: dir + e.name, display: e.name, doc: e.doc, dir: e.dir, path: path.Join(abs, e.name)}
		if e.dir {
			it.text += "/"
			it.display += "/"
		}
		items = append(items, it)
	}
	if base != "" && !dirs {
		items = append(items, l.unlisted(abs, dir, items)...)
	}
	if dir == "" && base != "" && !dirs && strings.HasPrefix(space.LocalPrefix, base) {
		items = append(items, item{text: space.LocalPrefix, doc: "the local disk", dir: true})
	}
	l.offerItems(text, items)
}

// plugins offers the directories of the program one is in.
func (l *lookup) plugins(text string) {
	program, _ := space.Split(l.dir)
	if program == "" {
		return
	}
	var items []item
	for _, e := range l.entries("/" + program) {
		if e.dir {
			items = append(items, item{text: e.name, path: path.Join("/", program, e.name)})
		}
	}
	l.offerItems(text, items)
}

// entry is one name in a directory.
type entry struct {
	name, doc string
	dir       bool
}

// entries lists a directory.
func (l *lookup) entries(abs string) []entry {
	if abs == "/" {
		return l.programs()
	}
	sp := l.sh.Space()
	list, err := remember(l.ctx, cacheKey{sp, "dir", abs}, cacheAge, func() ([]entry, error) {
		found, err := sp.ReadDir(l.ctx, abs)
		return convert(found), err
	})
	l.failed(abs, err)
	return list
}

func convert(found []fs.DirEntry) []entry {
	list := make([]entry, len(found))
	for i, e := range found {
		list[i] = entry{name: e.Name(), dir: e.IsDir()}
	}
	return list
}

// programs lists the programs that listen. It asks them nothing, so that a frozen
// one is among them.
func (l *lookup) programs() []entry {
	sp := l.sh.Space()
	live, err := remember(l.ctx, cacheKey{sp, "live", ""}, cacheAge, func() ([]client.Server, error) {
		return sp.Live(l.ctx)
	})
	l.failed("/", err)
	var list []entry
	for _, srv := range live {
		if known, ok := sp.Known(srv.Name); ok && srv.Command == "" {
			srv.Command = known.Command
		}
		list = append(list, entry{name: srv.Name, doc: srv.Command, dir: true})
	}
	return list
}

// unlisted are the files that the docs know in the directory though it does not
// list them: those whose reading costs.
func (l *lookup) unlisted(abs, dir string, listed []item) []item {
	program, in := space.Split(abs)
	if program == "" {
		return nil
	}
	sp := l.sh.Space()
	docs, err := remember(l.ctx, cacheKey{sp, "docs", program}, cacheAgeList, func() (map[string]space.Doc, error) {
		m, err := sp.Docs(l.ctx, program)
		return maps.Clone(m), err
	})
	l.failed(abs, err)
	known := map[string]bool{}
	for _, it := range listed {
		known[strings.TrimSuffix(it.text, "/")] = true
	}
	var items []item
	for _, p := range slices.Sorted(maps.Keys(docs)) {
		parent, base := path.Split(p)
		if strings.Trim(parent, "/") != in || space.Placeholder(base) || known[dir+base] {
			continue
		}
		it := item{text: dir + base, display: base, doc: docs[p].Text, dir: docs[p].Kind == "dir"}
		if it.dir {
			it.text += "/"
		}
		items = append(items, it)
	}
	return items
}

// local offers files of the local disk. dir is as it is typed after local:, if that
// is typed at all.
func (l *lookup) local(text, dir string, dirs bool) {
	in := dir
	if in == "" {
		in = "."
	}
	typed, base := splitPath(text)
	found, err := os.ReadDir(in)
	if err != nil {
		return
	}
	var items []item
	for _, e := range found {
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(in, e.Name()))
			isDir = err == nil && info.IsDir()
		}
		if dirs && !isDir || strings.HasPrefix(e.Name(), ".") && base == "" {
			continue
		}
		it := item{text: typed + e.Name(), display: e.Name(), dir: isDir}
		if isDir {
			it.text += "/"
			it.display += "/"
		}
		items = append(items, it)
	}
	l.offerItems(text, items)
}

// executables offers the programs of the local machine.
func (l *lookup) executables(text string) {
	found := map[string]bool{}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, err := os.ReadDir(dir)
		if err != nil || l.ctx.Err() != nil {
			continue
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), text) || found[e.Name()] {
				continue
			}
			if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				found[e.Name()] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		l.add(item{text: name, doc: "program of this machine"})
	}
}
