package profile

import (
	"bytes"
	"io"
	"io/fs"
	"slices"
	"sort"
	"sync"

	"github.com/ispyd/ispyd/nodes"
)

// inMemory keeps captures as long as the program runs.
type inMemory struct {
	mu   sync.Mutex
	last int
	all  []kept // by number
}

type kept struct {
	entry
	pieces []piece
}

func (m *inMemory) list() (list []entry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.all {
		list = append(list, k.entry)
	}
	return list, nil
}

func (m *inMemory) open(n int, name string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.all {
		for _, p := range k.pieces {
			if k.n == n && p.name == name {
				return io.NopCloser(bytes.NewReader(p.data)), nil
			}
		}
	}
	return nil, nodes.Errorf(fs.ErrNotExist, "capture %d has been dropped", n)
}

func (m *inMemory) put(pieces []piece) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	k := kept{entry{n: m.last}, pieces}
	for _, p := range pieces {
		k.bytes += int64(len(p.data))
		k.names = append(k.names, p.name)
	}
	sort.Strings(k.names)
	m.all = append(m.all, k)
	return m.last, nil
}

func (m *inMemory) drop(n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = slices.DeleteFunc(m.all, func(k kept) bool { return k.n == n })
	return nil
}

// former implements keeper: nothing is left of programs that have ended.
func (m *inMemory) former() ([]former, error) { return nil, nil }

func (m *inMemory) close() {}
