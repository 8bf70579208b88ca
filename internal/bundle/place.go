package bundle

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unfinished ends the name of a bundle that is being made.
const unfinished = ".unfinished"

// reserved is the room in bytes that is kept on the disk for the manifest.
const reserved = 64 << 10

// maxTries bounds the search for a name that is free.
const maxTries = 1000

// sink is where the files go.
type sink interface {
	// mkdir makes a directory, and those above it; it may be there.
	mkdir(name string) error
	// put makes a file of what fill writes, unless that fails.
	put(name string, fill func(io.Writer) error) error
	close() error
}

// place is a bundle on the disk.
type place struct {
	parent  *os.Root // the directory that the bundle is in
	dir     string   // its path
	name    string   // ispyd-HOST-PID-TIME
	archive string   // the name of the archive, with a * perhaps; "" for a directory
	stage   string   // in parent: what is being made
	root    *os.Root // of stage
	reserve string   // a file in root
	sink    sink
}

func newPlace(o Options, now time.Time) (_ *place, err error) {
	p := &place{dir: o.To, name: fmt.Sprintf("ispyd-%s-%s-%s", plain(o.Host), plain(o.PID), now.UTC().Format("20060102T150405.000Z"))}
	if o.To == "" {
		return nil, errors.New("no directory is named")
	}
	if isArchive(o.To) {
		p.dir, p.archive = filepath.Split(o.To)
		p.dir = filepath.Clean(p.dir)
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return nil, err
	}
	if p.parent, err = os.OpenRoot(p.dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.drop()
			p.close()
		}
	}()
	if err := p.makeStage(); err != nil {
		return nil, err
	}
	if p.root, err = p.parent.OpenRoot(p.stage); err != nil {
		return nil, err
	}
	p.reserve = Temporary + rand.Text()
	if err := p.root.WriteFile(p.reserve, make([]byte, reserved), 0o600); err != nil {
		return nil, err
	}
	if p.archive != "" {
		p.sink, err = newArchive(p.root, p.name, now)
	} else {
		p.sink = directory{p.root}
	}
	return p, err
}

func isArchive(name string) bool {
	return strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}

// plain is s with nothing in it that a shell or a file name could take amiss.
func plain(s string) string {
	if s == "" {
		return "unknown"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-', r == '@':
			return r
		}
		return '_'
	}, s)
}

// final is the name that the bundle gets, at the i-th try.
func (p *place) final(i int) string {
	name := p.name
	if i > 0 {
		name += fmt.Sprintf("-%d", i+1)
	}
	if p.archive == "" {
		return name
	}
	return strings.ReplaceAll(p.archive, "*", name)
}

// tries is how many names the bundle can have.
func (p *place) tries() int {
	if p.archive != "" && !strings.Contains(p.archive, "*") {
		return 1
	}
	return maxTries
}

func (p *place) makeStage() error {
	if p.tries() == 1 {
		if _, err := p.parent.Lstat(p.final(0)); err == nil {
			return fs.ErrExist
		}
	}
	for i := range maxTries {
		name := p.final(0) + unfinished
		if i > 0 {
			name = fmt.Sprintf("%s-%d%s", p.final(0), i+1, unfinished)
		}
		err := p.parent.Mkdir(name, 0o700)
		if err == nil {
			p.stage = name
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return fs.ErrExist
}

// finish adds the manifest and gives the bundle its name. The path is where what
// has been taken is, also if that fails.
func (p *place) finish(m *Manifest) (string, error) {
	stage := filepath.Join(p.dir, p.stage)
	err := p.root.Remove(p.reserve)
	if err == nil {
		err = p.sink.put(Errors, func(w io.Writer) error {
			_, err := m.WriteTo(w)
			return err
		})
	}
	if cerr := p.sink.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return stage, err
	}
	for i := range p.tries() {
		name := p.final(i)
		if err = p.rename(name); err == nil {
			return filepath.Join(p.dir, name), nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return stage, err
}

// rename gives the bundle that name, if it is free.
func (p *place) rename(name string) error {
	if _, err := p.parent.Lstat(name); err == nil {
		return fs.ErrExist
	}
	if p.archive == "" {
		// A directory that has come meanwhile is not replaced: it is not empty.
		return p.parent.Rename(p.stage, name)
	}
	made := filepath.Join(p.stage, archiveName)
	if err := p.parent.Link(made, name); errors.Is(err, fs.ErrExist) {
		return err
	} else if err != nil { // a disk without links
		if err := p.parent.Rename(made, name); err != nil {
			return err
		}
	}
	p.drop()
	return nil
}

// drop takes away what is being made.
func (p *place) drop() {
	if p.stage != "" {
		p.parent.RemoveAll(p.stage)
	}
}

func (p *place) close() {
	if p.root != nil {
		p.root.Close()
	}
	p.parent.Close()
}

// directory is a bundle that is a directory.
type directory struct{ root *os.Root }

func (d directory) mkdir(name string) error { return d.root.MkdirAll(name, 0o700) }

func (d directory) put(name string, fill func(io.Writer) error) error {
	return Put(d.root, name, fill)
}

func (d directory) close() error { return nil }
