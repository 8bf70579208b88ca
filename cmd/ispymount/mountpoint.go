//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// fsType is the type of our mounts in /proc/mounts.
const fsType = "fuse.ispyd"

// mountpoint is the directory that is mounted on.
type mountpoint struct {
	path    string // absolute, without symbolic links
	created bool
}

// prepare makes sure that there is an empty directory at path, and detaches
// what an ispymount that was killed left there; cleared says that it did.
func prepare(path string) (mp *mountpoint, cleared bool, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, false, err
	}
	// The last element may be a dead mount, which cannot be looked through.
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return nil, false, fmt.Errorf("%s: its parent directory: %w", path, reason(err))
	}
	mp = &mountpoint{path: filepath.Join(parent, filepath.Base(path))}
	const most = 16 // dead mounts on top of each other
	for range most {
		var info fs.FileInfo
		info, err = os.Stat(mp.path)
		switch {
		case dead(err):
			if err := mp.detachDead(); err != nil {
				return nil, cleared, err
			}
			cleared = true
			continue
		case errors.Is(err, fs.ErrNotExist):
			if err := os.Mkdir(mp.path, 0o700); err != nil {
				return nil, cleared, fmt.Errorf("%s is missing and cannot be created: %w", mp.path, reason(err))
			}
			mp.created = true
			return mp, cleared, nil
		case err != nil:
			return nil, cleared, fmt.Errorf("%s: %w", mp.path, reason(err))
		case !info.IsDir():
			return nil, cleared, fmt.Errorf("%s is not a directory", mp.path)
		}
		break
	}
	if err != nil {
		return nil, cleared, fmt.Errorf("%s: %w", mp.path, reason(err))
	}
	if mp.path, err = filepath.EvalSymlinks(mp.path); err != nil {
		return nil, cleared, fmt.Errorf("%s: %w", mp.path, reason(err))
	}
	return mp, cleared, mp.free()
}

// free reports an error that says so where something is mounted or stored at
// the mountpoint already.
func (mp *mountpoint) free() error {
	if typ := mountedType(mp.path); typ == fsType {
		return fmt.Errorf("an ispymount serves %s already; to end it: %s", mp.path, unmountCommand(mp.path))
	}
	dir, err := os.Open(mp.path)
	if err != nil {
		return fmt.Errorf("%s: %w", mp.path, reason(err))
	}
	defer dir.Close()
	switch names, err := dir.Readdirnames(1); {
	case err != nil && err != io.EOF:
		return fmt.Errorf("%s: %w", mp.path, reason(err))
	case len(names) > 0:
		return fmt.Errorf("%s is not empty (there is %s): the mount would hide what is in it; name an empty directory", mp.path, names[0])
	}
	return nil
}

// dead says that a stat failed because nobody serves the mount any more.
func dead(err error) bool {
	return errors.Is(err, syscall.ENOTCONN) || errors.Is(err, syscall.ECONNABORTED)
}

// detachDead takes away a mount that nobody serves, if it is one of ours.
func (mp *mountpoint) detachDead() error {
	if typ := mountedType(mp.path); typ != fsType {
		return fmt.Errorf("%s is a dead mount of type %s, not of ispymount; to detach it: %s", mp.path, typ, unmountCommand(mp.path))
	}
	if err := mp.lazy(); err != nil {
		return fmt.Errorf("%s is left over from an ispymount that was killed and cannot be detached: %w; try: %s", mp.path, err, unmountCommand(mp.path))
	}
	return nil
}

// lazy detaches the mount now and for good once nobody uses it.
func (mp *mountpoint) lazy() error {
	err := unix.Unmount(mp.path, unix.MNT_DETACH)
	if err == nil || os.Geteuid() == 0 {
		return err
	}
	bin, err := fusermount()
	if err != nil {
		return err
	}
	if out, err := exec.Command(bin, "-u", "-z", mp.path).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %s", filepath.Base(bin), bytes.TrimSpace(out))
	}
	return nil
}

// remove takes away the directory that prepare created.
func (mp *mountpoint) remove() error {
	if !mp.created {
		return nil
	}
	return os.Remove(mp.path)
}

// unmountCommand is what a person types to unmount path.
func unmountCommand(path string) string {
	if os.Geteuid() == 0 {
		return "umount " + path
	}
	return "fusermount3 -u " + path
}

// mountedType returns the type of the file system that is mounted on top at
// path, "" where none is.
func mountedType(path string) string {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	return mountedIn(f, path)
}

// mountedIn is mountedType over the lines of proc(5)'s mountinfo.
func mountedIn(mountinfo io.Reader, path string) (typ string) {
	lines := bufio.NewScanner(mountinfo)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// 36 35 98:0 / /mnt rw,noatime master:1 - fuse.ispyd ispyd rw
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 5 || unescapeMount(fields[4]) != path {
			continue
		}
		typ, _, _ = strings.Cut(after, " ")
	}
	return typ
}

// unescapeMount undoes the octal escapes of blanks and backslashes in mountinfo.
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// reason is err without the path that a PathError repeats.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
