package profile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// onDisk keeps captures in a directory, one each, called by their numbers; several
// programs may share it. The directory is made when there is something to keep.
type onDisk struct{ dir string }

// unfinished begins the name of a capture that is still being written; what is
// older than leftOver was left by a program that died.
const (
	unfinished = ".unfinished-"
	leftOver   = time.Hour
)

func (d onDisk) path(n int) string { return filepath.Join(d.dir, strconv.Itoa(n)) }

// number is the number of a capture's directory, 0 for other names.
func number(name string) int {
	n, err := strconv.Atoi(name)
	if err != nil || n <= 0 || strconv.Itoa(n) != name {
		return 0
	}
	return n
}

func (d onDisk) list() (list []entry, err error) {
	dirs, err := inside(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, x := range dirs {
		n := number(x.Name())
		if n == 0 || !x.IsDir() {
			continue
		}
		files, err := inside(d.path(n))
		if err != nil {
			continue // it has just been dropped
		}
		e := entry{n: n}
		for _, f := range files {
			if f.Mode().IsRegular() && nodes.ValidName(f.Name()) {
				e.bytes += f.Size()
				e.names = append(e.names, f.Name())
			}
		}
		sort.Strings(e.names)
		list = append(list, e)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].n < list[j].n })
	return list, nil
}

// inside lists a directory.
func inside(dir string) ([]fs.FileInfo, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdir(-1)
}

func (d onDisk) open(n int, name string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(d.path(n), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nodes.Errorf(fs.ErrNotExist, "capture %d has been dropped", n)
	}
	return f, err
}

func (d onDisk) put(pieces []piece) (int, error) {
	if err := d.prepare(); err != nil {
		return 0, err
	}
	tmp, err := os.MkdirTemp(d.dir, unfinished)
	if err != nil {
		return 0, err
	}
	n, err := d.write(tmp, pieces)
	if err != nil {
		os.RemoveAll(tmp)
	}
	return n, err
}

func (d onDisk) write(tmp string, pieces []piece) (int, error) {
	for _, p := range pieces {
		if err := writeSynced(filepath.Join(tmp, p.name), p.data); err != nil {
			return 0, err
		}
	}
	for try := 0; ; try++ {
		list, err := d.list()
		if err != nil {
			return 0, err
		}
		n := 1
		if len(list) > 0 {
			n = list[len(list)-1].n + 1
		}
		// Another program may have been faster: its directory is not empty.
		if err = os.Rename(tmp, d.path(n)); err == nil || try == 100 {
			return n, err
		} else if !errors.Is(err, fs.ErrExist) {
			return 0, err
		}
	}
}

func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// prepare makes the directory, and sees that nobody else can write it.
func (d onDisk) prepare() error {
	if err := os.Mkdir(d.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(d.dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 || !ours(info) {
		return fmt.Errorf("%s: captures are kept only in a directory of the program's own user that nobody else can write", d.dir)
	}
	dirs, err := inside(d.dir)
	for _, x := range dirs {
		if strings.HasPrefix(x.Name(), unfinished) && time.Since(x.ModTime()) > leftOver {
			os.RemoveAll(filepath.Join(d.dir, x.Name()))
		}
	}
	return err
}

// drop moves the capture out of sight before it takes it apart.
func (d onDisk) drop(n int) error {
	tmp, err := os.MkdirTemp(d.dir, unfinished)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	err = os.Rename(d.path(n), filepath.Join(tmp, "dropped"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another program was faster
	}
	return err
}
