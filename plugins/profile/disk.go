package profile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ispyd/ispyd/nodes"
)

// onDisk keeps captures in a directory that many programs may share: each has a
// home in it, PID-TIME, made when there is something to keep, and in that a
// directory for each capture, called by its number. A home is its program's alone
// as long as that holds the lock on it; afterwards everybody shows it, and drops
// from it what there is no room for.
type onDisk struct {
	dir string

	mu   sync.Mutex
	own  home     // "" until there is one
	last int      // the last number that was used, also in a home that is gone
	lock *os.File // of own
}

// home is the path of the directory that a program keeps its captures in.
type home string

// homeName is the form of a home's name; the time sorts as text.
var homeName = regexp.MustCompile(`^[0-9]+-([0-9]{8}T[0-9]{6}\.[0-9]{3}Z)$`)

const homeTime = "20060102T150405.000Z"

// unfinished begins the name of what is still being written; what is older than
// leftOver was left by a program that died. lockName is the file in a home that
// its program holds the lock on.
const (
	unfinished = ".unfinished-"
	leftOver   = time.Hour
	lockName   = ".lock"
)

func (h home) path(n int) string { return filepath.Join(string(h), strconv.Itoa(n)) }

// number is the number of a capture's directory, 0 for other names.
func number(name string) int {
	n, err := strconv.Atoi(name)
	if err != nil || n <= 0 || strconv.Itoa(n) != name {
		return 0
	}
	return n
}

func (h home) list() (list []entry, err error) {
	if h == "" {
		return nil, nil
	}
	dirs, err := inside(string(h))
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
		files, err := inside(h.path(n))
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

func (h home) open(n int, name string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(h.path(n), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nodes.Errorf(fs.ErrNotExist, "capture %d has been dropped", n)
	}
	return f, err
}

// drop moves the capture out of sight before it takes it apart.
func (h home) drop(n int) error {
	tmp, err := os.MkdirTemp(string(h), unfinished)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	err = os.Rename(h.path(n), filepath.Join(tmp, "dropped"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another program was faster
	}
	return err
}

// remove takes away the home of a program that has ended.
func (h home) remove() error { return os.RemoveAll(string(h)) }

// mine returns this program's own home, "" where there is none yet.
func (d *onDisk) mine() home {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.own
}

func (d *onDisk) list() ([]entry, error) { return d.mine().list() }

func (d *onDisk) open(n int, name string) (io.ReadCloser, error) { return d.mine().open(n, name) }

func (d *onDisk) drop(n int) error { return d.mine().drop(n) }

// former returns what programs have left that have ended, the last one first.
func (d *onDisk) former() (list []former, err error) {
	dirs, err := inside(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	own := filepath.Base(string(d.mine()))
	for _, x := range dirs {
		if name := x.Name(); x.IsDir() && name != own && homeName.MatchString(name) {
			h := home(filepath.Join(d.dir, name))
			if unlocked(filepath.Join(string(h), lockName)) {
				list = append(list, former{name, h})
			}
		}
	}
	began := func(f former) string { return homeName.FindStringSubmatch(f.name)[1] + f.name }
	slices.SortFunc(list, func(a, b former) int { return strings.Compare(began(b), began(a)) })
	return list, err
}

func (d *onDisk) put(pieces []piece) (int, error) {
	h, err := d.prepare()
	if err != nil {
		return 0, err
	}
	tmp, err := os.MkdirTemp(string(h), unfinished)
	if err != nil {
		return 0, err
	}
	n, err := h.write(tmp, pieces, d.last)
	if err != nil {
		os.RemoveAll(tmp)
		return n, err
	}
	d.last = n
	return n, nil
}

func (h home) write(tmp string, pieces []piece, last int) (int, error) {
	for _, p := range pieces {
		if err := writeSynced(filepath.Join(tmp, p.name), p.data); err != nil {
			return 0, err
		}
	}
	list, err := h.list()
	if err != nil {
		return 0, err
	}
	if len(list) > 0 {
		last = max(last, list[len(list)-1].n)
	}
	n := last + 1
	return n, os.Rename(tmp, h.path(n))
}

func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// check makes the directory and sees that nobody else can write it.
func (d *onDisk) check() error {
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
	return nil
}

// try finds out whether something can be kept.
func (d *onDisk) try() error {
	if err := d.check(); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(d.dir, unfinished)
	if err != nil {
		return err
	}
	return os.Remove(tmp)
}

// prepare makes the directory and the program's home in it.
func (d *onDisk) prepare() (home, error) {
	if err := d.check(); err != nil {
		return "", err
	}
	dirs, err := inside(d.dir)
	if err != nil {
		return "", err
	}
	for _, x := range dirs {
		if strings.HasPrefix(x.Name(), unfinished) && time.Since(x.ModTime()) > leftOver {
			os.RemoveAll(filepath.Join(d.dir, x.Name()))
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.own != "" {
		if _, err := os.Stat(string(d.own)); err == nil {
			return d.own, nil
		}
		d.unlock() // somebody has removed it
	}
	err = d.settle()
	return d.own, err
}

// settle makes the program's home. It has its name only when it is locked, so that
// nobody takes it for one that was left. d.mu is held.
func (d *onDisk) settle() error {
	tmp, err := os.MkdirTemp(d.dir, unfinished)
	if err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(tmp, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		os.RemoveAll(tmp)
		return err
	}
	hold(lock)
	for try := 0; ; try++ {
		now := time.Now().Add(time.Duration(try) * time.Millisecond).UTC()
		h := filepath.Join(d.dir, fmt.Sprintf("%d-%s", os.Getpid(), now.Format(homeTime)))
		// The name may be taken, by a program of another container.
		if err = os.Rename(tmp, h); err == nil {
			d.own, d.lock = home(h), lock
			return nil
		} else if !errors.Is(err, fs.ErrExist) || try == 100 {
			lock.Close()
			os.RemoveAll(tmp)
			return err
		}
	}
}

func (d *onDisk) unlock() {
	if d.lock != nil {
		d.lock.Close()
	}
	d.own, d.lock = "", nil
}

// close leaves the home to who comes next.
func (d *onDisk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unlock()
}
