package rendezvous

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links a path may pass, as in the kernel.
const maxLinks = 40

// Resolve returns the path, free of symbolic links, that name has for us where
// root is the root directory of the one who wrote it: absolute links and .. in
// it stay beneath root. With root "" the name is returned as it is.
//
// What it returns can change its meaning when somebody moves directories; who
// has an enemy there opens it by [OpenPath] instead.
func Resolve(root, name string) (string, error) {
	if root == "" {
		return name, nil
	}
	done := "/" // beneath root, free of links
	todo := strings.Split(path.Clean("/"+name), "/")
	for links := 0; len(todo) > 0; {
		next := todo[0]
		todo = todo[1:]
		switch next {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		here := path.Join(root, done, next)
		info, err := os.Lstat(here)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = path.Join(done, next)
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: "resolve", Path: path.Join(root, name), Err: syscall.ELOOP}
		}
		target, err := os.Readlink(here)
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(target, "/") {
			done = "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return path.Join(root, done), nil
}

// readDir lists name beneath root.
func readDir(root, name string) ([]fs.DirEntry, error) {
	f, err := openIn(root, name, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// Stat describes the file name beneath root, links followed as [Resolve] does.
func Stat(root, name string) (fs.FileInfo, error) {
	f, err := openIn(root, name, false)
	if errors.Is(err, errors.ErrUnsupported) {
		real, err := Resolve(root, name)
		if err != nil {
			return nil, err
		}
		return os.Stat(real)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}
