package vars

import (
	"sync"

	"github.com/ispyd/ispyd/nodes"
)

// files are those that have been asked for. A variable whose code hangs must have
// the same file each time: it is the file that lets all its readers share what runs.
type files struct {
	mu    sync.Mutex
	byKey map[fileKey]nodes.Node
}

// fileKey is what a file is made of.
type fileKey struct {
	of     variables // where the variable is, or the map that is shown whole
	name   string
	is     string // what typeOf says; "" for a whole map
	secret bool
	depth  int
}

// maxFiles is how many are kept: beyond that any may be made anew.
const maxFiles = 1 << 10

// get returns the file, and makes it where there is none.
func (f *files) get(k fileKey, file func() nodes.Node) nodes.Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.byKey[k]; n != nil {
		return n
	}
	if f.byKey == nil {
		f.byKey = map[fileKey]nodes.Node{}
	}
	for old := range f.byKey {
		if len(f.byKey) < maxFiles {
			break
		}
		delete(f.byKey, old)
	}
	n := file()
	f.byKey[k] = n
	return n
}
