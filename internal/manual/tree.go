package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ispyd/ispyd/fs/client"
)

// directory is one directory of the tree and what it holds.
type directory struct {
	Path, Doc string // Path is "" for the root
	Files     []file
}

// file is a line of README.
type file struct {
	Path  string `json:"path"`
	Kind  string `json:"kind"`
	Doc   string `json:"doc"`
	Verbs []ctlVerb
}

// Word is the path as a person types it: what is in it is a directory's.
func (f file) Word() string {
	if f.Kind == kindDir {
		return f.Path + "/"
	}
	return f.Path
}

// ctlVerb is a line of a ctl file.
type ctlVerb struct{ Name, Args, Doc string }

const (
	kindDir = "dir"
	kindCtl = "ctl"
)

// collapsed are directories that hold other files with each version of Go: the
// page has one line for all of them.
var collapsed = map[string]file{
	"runtime/metrics": {Kind: "value", Path: "runtime/metrics/NAME",
		Doc: "the metric NAME of package runtime/metrics, such as runtime/metrics/gc/heap/live:bytes; which there are depends on the version of Go"},
}

// askTree reads the tree's own description.
func askTree(ctx context.Context, conn *client.Conn) ([]directory, error) {
	data, err := conn.ReadFile(ctx, "README.json")
	if err != nil {
		return nil, err
	}
	var files []file
	if err := json.Unmarshal(data, &files); err != nil {
		return nil, err
	}
	varying, err := readVarying()
	if err != nil {
		return nil, err
	}
	if files, err = settle(files, varying); err != nil {
		return nil, err
	}
	for i, f := range files {
		// What comes and goes has its names in capitals, and is not there now.
		if f.Kind == kindCtl && f.Path == strings.ToLower(f.Path) {
			text, err := conn.ReadFile(ctx, f.Path)
			if err != nil {
				return nil, err
			}
			files[i].Verbs = parseCtl(string(text))
		}
	}
	return directories(files), nil
}

// readVarying reads what not every machine has, in the form of README.
func readVarying() ([]file, error) {
	data, err := sources.ReadFile("pages/varying.tsv")
	if err != nil {
		return nil, err
	}
	var files []file
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("varying.tsv: no path, kind and doc: %q", line)
		}
		files = append(files, file{Path: fields[0], Kind: fields[1], Doc: fields[2]})
	}
	return files, nil
}

// settle makes the files of this machine those of any: what varies is there as
// varying has it, what is collapsed is one line. That varying is out of date is an
// error.
func settle(files, varying []file) ([]file, error) {
	all := slices.Clone(varying)
	for _, f := range files {
		i := slices.IndexFunc(varying, func(v file) bool { return v.Path == f.Path })
		switch {
		case i >= 0 && (varying[i].Kind != f.Kind || varying[i].Doc != f.Doc):
			return nil, fmt.Errorf("%s: the tree says %s %q, but varying.tsv %s %q", f.Path, f.Kind, f.Doc, varying[i].Kind, varying[i].Doc)
		case i >= 0 || beneathCollapsed(f.Path):
			continue
		case slices.ContainsFunc(varying, func(v file) bool { return v.Kind == kindDir && beneath(v.Path, f.Path) }):
			return nil, fmt.Errorf("%s is missing in varying.tsv", f.Path)
		}
		all = append(all, f)
		if line, ok := collapsed[f.Path]; ok {
			all = append(all, line)
		}
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

func beneath(dir, p string) bool { return strings.HasPrefix(p, dir+"/") }

func beneathCollapsed(p string) bool {
	for dir := range collapsed {
		if beneath(dir, p) {
			return true
		}
	}
	return false
}

func parseCtl(text string) []ctlVerb {
	var verbs []ctlVerb
	for line := range strings.Lines(text) {
		fields := append(strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3), "", "")
		verbs = append(verbs, ctlVerb{fields[0], fields[1], fields[2]})
	}
	return verbs
}

// directories sorts the files by the directories that they are in, the root
// first.
func directories(files []file) []directory {
	dirs := []directory{{}}
	for _, f := range files {
		if f.Kind == kindDir {
			dirs = append(dirs, directory{Path: f.Path, Doc: f.Doc})
		}
	}
	slices.SortFunc(dirs, func(a, b directory) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range files {
		// The nearest: a pattern may skip what is between.
		at := path.Dir(f.Path)
		for at != "." && !slices.ContainsFunc(dirs, func(d directory) bool { return d.Path == at }) {
			at = path.Dir(at)
		}
		i := slices.IndexFunc(dirs, func(d directory) bool { return d.Path == strings.TrimPrefix(at, ".") })
		dirs[i].Files = append(dirs[i].Files, f)
	}
	return slices.DeleteFunc(dirs, func(d directory) bool { return len(d.Files) == 0 })
}
