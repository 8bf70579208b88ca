package profile

import (
	"context"
	"io"
	"io/fs"
	"slices"
	"strconv"

	"github.com/ispyd/ispyd/nodes"
)

// what the files of a capture are.
var pieceDocs = map[string]string{
	"when":   "why and when the capture was made",
	"trace":  "the last moments before (go tool trace)",
	"stacks": "all goroutines at that time, grouped by stack",
}

const (
	oneDoc     = "what was kept when a trigger fired"
	leftName   = "former"
	formerDoc  = "what programs that shared the directory have left, each PID-TIME; none can be cleared, the oldest make room"
	programDoc = "the captures of a program that has ended"
)

// dir returns the directory captures.
func (s *store) dir() nodes.Dir {
	left := nodes.Dynamic(leftName, formerDoc,
		func(_ context.Context, name string) (nodes.Node, error) {
			all, err := s.former()
			for _, f := range all {
				if f.name == name {
					return f.dir(), nil
				}
			}
			if err == nil {
				err = nodes.Errorf(fs.ErrNotExist, "no program %q has left captures", name)
			}
			return nil, err
		},
		func(context.Context) (list []nodes.Node, err error) {
			all, err := s.former()
			for _, f := range all {
				list = append(list, f.dir())
			}
			return list, err
		})
	help := []nodes.Help{
		{Path: "N", Kind: nodes.KindDir, Doc: oneDoc},
		{Path: "N/when", Kind: nodes.KindText, Doc: pieceDocs["when"]},
		{Path: "N/trace", Kind: nodes.KindText, Doc: pieceDocs["trace"]},
		{Path: "N/stacks", Kind: nodes.KindText, Doc: pieceDocs["stacks"]},
		{Path: "N/EVIDENCE", Kind: nodes.KindText, Doc: "what a plugin has added, such as http.active"},
		{Path: leftName, Kind: nodes.KindDir, Doc: formerDoc},
		{Path: leftName + "/PROGRAM", Kind: nodes.KindDir, Doc: programDoc},
		{Path: leftName + "/PROGRAM/N", Kind: nodes.KindDir, Doc: oneDoc},
	}
	return nodes.Dynamic("captures", "what triggers have kept, the newest with the highest number",
		func(_ context.Context, name string) (nodes.Node, error) {
			if name == leftName {
				return left, nil
			}
			return lookup(s, name)
		},
		func(context.Context) ([]nodes.Node, error) {
			list, err := all(s)
			if err != nil {
				return nil, err
			}
			if f, err := s.former(); err != nil || len(f) > 0 {
				list = append(list, left)
			}
			return list, nil
		}, help...)
}

// dir is the directory of what a program has left.
func (f former) dir() nodes.Dir {
	return nodes.Dynamic(f.name, programDoc,
		func(_ context.Context, name string) (nodes.Node, error) { return lookup(f, name) },
		func(context.Context) ([]nodes.Node, error) { return all(f) })
}

// all returns the directories of captures.
func all(s shelf) (dirs []nodes.Node, err error) {
	list, err := s.list()
	for _, e := range list {
		dirs = append(dirs, one(s, e))
	}
	return dirs, err
}

// lookup returns the directory of one capture.
func lookup(s shelf, name string) (nodes.Node, error) {
	list, err := s.list()
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if strconv.Itoa(e.n) == name {
			return one(s, e), nil
		}
	}
	return nil, nodes.Errorf(fs.ErrNotExist, "there is no capture %q", name)
}

func one(s shelf, e entry) nodes.Dir {
	return nodes.Dynamic(strconv.Itoa(e.n), oneDoc,
		func(_ context.Context, name string) (nodes.Node, error) {
			if !slices.Contains(e.names, name) {
				return nil, nodes.Errorf(fs.ErrNotExist, "the capture has no file %q", name)
			}
			return file(s, e.n, name), nil
		},
		func(context.Context) (list []nodes.Node, err error) {
			for _, name := range e.names {
				list = append(list, file(s, e.n, name))
			}
			return list, nil
		})
}

func file(s shelf, n int, name string) nodes.File {
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
