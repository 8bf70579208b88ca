package profile

import (
	"context"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"sync"

	"github.com/ispyd/ispyd/nodes"
)

// piece is one file of a capture.
type piece struct {
	name string
	data []byte
}

// entry is a capture that is kept.
type entry struct {
	n     int
	bytes int64
	names []string // of its files, sorted
}

// keeper keeps captures: in memory, or in a directory.
type keeper interface {
	// list returns those that are kept, by number.
	list() ([]entry, error)
	// open returns a file of one; fs.ErrNotExist where there is none.
	open(n int, name string) (io.ReadCloser, error)
	// put keeps one under a number above all others, and returns it.
	put(pieces []piece) (int, error)
	// drop lets go of one, if it is there.
	drop(n int) error
}

// store keeps the newest captures, bounded in number and bytes.
type store struct {
	keeper
	most  int
	bytes int64

	mu sync.Mutex // held by who puts or drops
}

// add keeps a capture, and lets go of the oldest that there is no room for.
func (s *store) add(pieces []piece) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.put(pieces)
	if err != nil {
		return 0, err
	}
	list, err := s.list()
	if err != nil {
		return n, err
	}
	kept, bytes := 0, int64(0)
	for _, e := range slices.Backward(list) {
		kept, bytes = kept+1, bytes+e.bytes
		if kept > 1 && (kept > s.most || bytes > s.bytes) {
			if err := s.drop(e.n); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// clear lets go of one capture, or of all where n is 0.
func (s *store) clear(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.list()
	if err != nil {
		return err
	}
	found := n == 0
	for _, e := range list {
		if n == 0 || e.n == n {
			found = true
			if err := s.drop(e.n); err != nil {
				return err
			}
		}
	}
	if !found {
		return nodes.Errorf(fs.ErrNotExist, "there is no capture %d", n)
	}
	return nil
}

// what the files of a capture are.
var pieceDocs = map[string]string{
	"when":   "why and when the capture was made",
	"trace":  "the last moments before (go tool trace)",
	"stacks": "all goroutines at that time, grouped by stack",
}

// dir returns the directory captures.
func (s *store) dir() nodes.Dir {
	one := func(e entry) nodes.Dir {
		return nodes.Dynamic(strconv.Itoa(e.n), "what was kept when a trigger fired",
			func(_ context.Context, name string) (nodes.Node, error) {
				if !slices.Contains(e.names, name) {
					return nil, nodes.Errorf(fs.ErrNotExist, "the capture has no file %q", name)
				}
				return s.file(e.n, name), nil
			},
			func(context.Context) (list []nodes.Node, err error) {
				for _, name := range e.names {
					list = append(list, s.file(e.n, name))
				}
				return list, nil
			})
	}
	return nodes.Dynamic("captures", "what triggers have kept, the newest with the highest number",
		func(_ context.Context, name string) (nodes.Node, error) {
			list, err := s.list()
			if err != nil {
				return nil, err
			}
			for _, e := range list {
				if strconv.Itoa(e.n) == name {
					return one(e), nil
				}
			}
			return nil, nodes.Errorf(fs.ErrNotExist, "there is no capture %q", name)
		},
		func(context.Context) (nodes []nodes.Node, err error) {
			list, err := s.list()
			for _, e := range list {
				nodes = append(nodes, one(e))
			}
			return nodes, err
		},
		nodes.Help{Path: "N", Kind: nodes.KindDir, Doc: "what was kept when a trigger fired"},
		nodes.Help{Path: "N/when", Kind: nodes.KindText, Doc: pieceDocs["when"]},
		nodes.Help{Path: "N/trace", Kind: nodes.KindText, Doc: pieceDocs["trace"]},
		nodes.Help{Path: "N/stacks", Kind: nodes.KindText, Doc: pieceDocs["stacks"]},
		nodes.Help{Path: "N/EVIDENCE", Kind: nodes.KindText, Doc: "what a plugin has added, such as http.active"},
	)
}

func (s *store) file(n int, name string) nodes.File {
	doc := pieceDocs[name]
	if doc == "" {
		doc = name + " at that time"
	}
	return nodes.Text(name, doc, func(_ context.Context, w io.Writer) error {
		f, err := s.open(n, name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}
