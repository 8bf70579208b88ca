package bundle

import (
	"archive/tar"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path"
	"sync"
	"time"
)

// archiveName is the archive while it is being made.
const archiveName = "archive.tar.gz"

// archive is a bundle that is a .tar.gz. A file is written beside it first, since
// its size comes before it, and is compressed by itself: one that there was no
// room for is cut off again, and an archive that was not finished can be read as
// far as it goes.
type archive struct {
	root *os.Root
	top  string
	time time.Time

	mu   sync.Mutex
	file *os.File
	gz   *gzip.Writer
	dirs map[string]bool
}

func newArchive(root *os.Root, top string, now time.Time) (*archive, error) {
	f, err := create(root, archiveName)
	if err != nil {
		return nil, err
	}
	gz, err := gzip.NewWriterLevel(f, gzip.BestSpeed) // the program needs the CPU
	if err != nil {
		return nil, err
	}
	a := &archive{root: root, top: top, time: now, file: f, gz: gz, dirs: map[string]bool{}}
	return a, a.mkdir(".")
}

func (a *archive) mkdir(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mkdirAll(path.Clean(name))
}

func (a *archive) mkdirAll(name string) error {
	if a.dirs[name] {
		return nil
	}
	if name != "." {
		if err := a.mkdirAll(path.Dir(name)); err != nil {
			return err
		}
	}
	err := a.member(&tar.Header{Typeflag: tar.TypeDir, Name: path.Join(a.top, name) + "/", Mode: 0o700}, nil)
	a.dirs[name] = err == nil
	return err
}

func (a *archive) put(name string, fill func(io.Writer) error) (err error) {
	temporary := Temporary + rand.Text()
	f, err := create(a.root, temporary)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close(), a.root.Remove(temporary))
	}()
	if err := fill(f); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.mkdirAll(path.Dir(name)); err != nil {
		return err
	}
	return a.member(&tar.Header{Typeflag: tar.TypeReg, Name: path.Join(a.top, name), Mode: 0o600, Size: size}, f)
}

// member appends one member; a.mu is held, or nobody else knows of a.
func (a *archive) member(h *tar.Header, r io.Reader) error {
	h.ModTime = a.time
	return a.append(func(t *tar.Writer) error {
		err := t.WriteHeader(h)
		if err == nil && r != nil {
			_, err = io.Copy(t, r)
		}
		if err == nil {
			err = t.Flush()
		}
		return err
	})
}

// append appends what write writes, or nothing.
func (a *archive) append(write func(*tar.Writer) error) error {
	begin, err := a.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	a.gz.Reset(a.file)
	err = write(tar.NewWriter(a.gz))
	if err == nil {
		err = a.gz.Close()
	}
	if err == nil {
		return nil
	}
	if terr := a.file.Truncate(begin); terr != nil {
		return errors.Join(err, terr)
	}
	_, serr := a.file.Seek(begin, io.SeekStart)
	return errors.Join(err, serr)
}

// close ends the archive.
func (a *archive) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(a.append((*tar.Writer).Close), a.file.Close())
}
