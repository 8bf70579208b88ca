package debugger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// onDisk keeps tracebacks in a directory, one each, called by their numbers; several
// programs may share it, and see each other's. The directory is made when there is
// something to keep.
type onDisk struct {
	dir string

	mu    sync.Mutex
	known map[int]*traceback // what has been read: it does not change
}

// unfinished begins the name of a traceback that is still being written; what is
// older than leftOver was left by a program that died.
const (
	unfinished = ".unfinished-"
	leftOver   = time.Hour
)

// The files of a traceback on the disk.
const (
	metaFile = "traceback.json"
	coreFile = "core"
)

func (d *onDisk) path(n int) string { return filepath.Join(d.dir, strconv.Itoa(n)) }

// numberOf is the number of a traceback's directory, 0 for other names.
func numberOf(name string) int {
	n, err := strconv.Atoi(name)
	if err != nil || n <= 0 || strconv.Itoa(n) != name {
		return 0
	}
	return n
}

// inside lists a directory; one that is not there is empty.
func inside(dir string) ([]fs.FileInfo, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdir(-1)
}

func (d *onDisk) list() (list []*traceback, err error) {
	entries, err := inside(d.dir)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	known := make(map[int]*traceback, len(entries))
	for _, x := range entries {
		n := numberOf(x.Name())
		if n == 0 || !x.IsDir() {
			continue
		}
		t := d.known[n]
		if t == nil {
			if t = d.read(n); t == nil {
				continue // it has just been dropped, or is no traceback
			}
		}
		known[n] = t
		list = append(list, t)
	}
	d.known = known
	sort.Slice(list, func(i, j int) bool { return list[i].N < list[j].N })
	return list, nil
}

// maxMeta bounds what is read of a directory in which others may write, too.
const maxMeta = 1 << 20

// read returns a traceback, nil where there is none.
func (d *onDisk) read(n int) *traceback {
	name := filepath.Join(d.path(n), metaFile)
	if info, err := os.Stat(name); err != nil || info.Size() > maxMeta {
		return nil
	}
	data, err := os.ReadFile(name)
	t := new(traceback)
	if err != nil || json.Unmarshal(data, t) != nil {
		return nil
	}
	t.N, t.Core = n, 0
	if info, err := os.Stat(filepath.Join(d.path(n), coreFile)); err == nil {
		t.Core = info.Size()
	}
	return t
}

func (d *onDisk) core(n int) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(d.path(n), coreFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nodes.Errorf(fs.ErrNotExist, "the traceback %d has no core any more", n)
	}
	return data, err
}

func (d *onDisk) put(t *traceback) error {
	if err := prepare(d.dir); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(d.dir, unfinished)
	if err != nil {
		return err
	}
	if err := d.write(tmp, t); err != nil {
		os.RemoveAll(tmp)
		return err
	}
	return nil
}

func (d *onDisk) write(tmp string, t *traceback) error {
	if t.core != nil {
		if err := writeFile(filepath.Join(tmp, coreFile), t.core); err != nil {
			return err
		}
	}
	// Others may have kept more since the list was made.
	for try := 0; ; try++ {
		n, err := d.next()
		if err != nil {
			return err
		}
		t.N = n
		meta, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(tmp, metaFile), meta, 0o600); err != nil {
			return err
		}
		err = os.Rename(tmp, d.path(n))
		if err == nil {
			t.Core, t.core = int64(len(t.core)), nil
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.known == nil {
				d.known = map[int]*traceback{}
			}
			d.known[n] = t
			return nil
		}
		if !errors.Is(err, fs.ErrExist) || try == 100 {
			return err
		}
	}
}

// next is a number above all others.
func (d *onDisk) next() (int, error) {
	entries, err := inside(d.dir)
	last := 0
	for _, x := range entries {
		last = max(last, numberOf(x.Name()))
	}
	return last + 1, err
}

func writeFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// prepare makes the directory, and sees that nobody else can read or write it:
// cores hold whatever the program had in its memory.
func prepare(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 || !ours(info) {
		return fmt.Errorf("%s: tracebacks are kept only in a directory of the program's own user that nobody else can look into (mode 0700)", dir)
	}
	entries, err := inside(dir)
	for _, x := range entries {
		if strings.HasPrefix(x.Name(), unfinished) && time.Since(x.ModTime()) > leftOver {
			os.RemoveAll(filepath.Join(dir, x.Name()))
		}
	}
	return err
}

// drop moves the traceback out of sight before it takes it apart.
func (d *onDisk) drop(n int) error {
	tmp, err := os.MkdirTemp(d.dir, unfinished)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	d.mu.Lock()
	delete(d.known, n)
	d.mu.Unlock()
	err = os.Rename(d.path(n), filepath.Join(tmp, "dropped"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another program was faster
	}
	return err
}
