package rendezvous

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// OpenPath returns a handle (O_PATH, open(2)) on name beneath root, whatever
// file that is. The links in name are those of root (RESOLVE_IN_ROOT,
// openat2(2)), also while somebody moves directories; where the kernel is too
// old for that they are resolved before. To connect to a socket by its handle,
// whatever the length of its path, use the path that [HandlePath] gives.
func OpenPath(root, name string) (*os.File, error) { return openIn(root, name, false) }

// HandlePath is a path of the file that f is a handle on.
func HandlePath(f *os.File) string {
	return fmt.Sprintf("/proc/self/fd/%d", f.Fd())
}

// openIn opens name beneath root: as a directory to be listed, or as a handle.
func openIn(root, name string, dir bool) (*os.File, error) {
	flags := unix.O_PATH | unix.O_CLOEXEC
	if dir {
		flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	}
	shown := path.Join(root, name)
	if root == "" {
		return openAt(unix.AT_FDCWD, name, flags, shown)
	}
	at, err := openAt(unix.AT_FDCWD, root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, root)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	how := unix.OpenHow{Flags: uint64(flags), Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(int(at.Fd()), name, &how)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), shown), nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN) && try < 100: // a rename came between
			continue
		case errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM): // old kernel, or a seccomp filter
			real, err := Resolve(root, name)
			if err != nil {
				return nil, err
			}
			return openAt(unix.AT_FDCWD, real, flags, shown)
		default:
			return nil, &fs.PathError{Op: "open", Path: shown, Err: err}
		}
	}
}

func openAt(at int, name string, flags int, shown string) (*os.File, error) {
	for {
		fd, err := unix.Openat(at, name, flags, 0)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), shown), nil
		case !errors.Is(err, unix.EINTR):
			return nil, &fs.PathError{Op: "open", Path: shown, Err: err}
		}
	}
}
