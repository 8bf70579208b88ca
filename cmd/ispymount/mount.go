//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	fuseDevice = "/dev/fuse"
	// maxWrite is the largest write in bytes that comes in one piece. It is
	// more than a message to a server can hold, so that no write is sent in
	// parts; and Go's runtime stalls on much larger requests.
	maxWrite = 512 << 10
	// maxBackground is how many requests that nobody waits for may be under
	// way: a stopped process must not hold up the others'.
	maxBackground = 64
)

// mount mounts t and serves it until it is unmounted.
func mount(t *tree, path string, stderr io.Writer) (*fuse.Server, error) {
	if err := checkFuse(); err != nil {
		return nil, err
	}
	logger := log.New(io.Discard, "", 0)
	if t.opts.debug {
		logger = log.New(stderr, "", log.Lmicroseconds)
	}
	mo := &fuse.MountOptions{
		AllowOther:         t.opts.allowOther,
		FsName:             "ispyd",
		Name:               "ispyd",
		MaxWrite:           maxWrite,
		MaxBackground:      maxBackground,
		DisableReadDirPlus: true, // an ls must not render what it lists
		SyncRead:           true, // one read of a file at a time, and none in the background
		DirectMountStrict:  os.Geteuid() == 0,
		Debug:              t.opts.debug,
		Logger:             logger,
		PanicHandler: func(v any) fuse.Status {
			fmt.Fprintf(stderr, "ispymount: panic: %v\n%s", v, debug.Stack())
			return fuse.EIO
		},
	}
	if t.opts.allowOther {
		mo.Options = append(mo.Options, "default_permissions")
	}
	srv, err := fuse.NewServer(t, path, mo)
	if err != nil {
		return nil, explain(err, t.opts)
	}
	go srv.Serve()
	if err := srv.WaitMount(); err != nil {
		srv.Unmount()
		return nil, err
	}
	return srv, nil
}

// checkFuse says what is missing where mounting cannot succeed.
func checkFuse() error {
	f, err := os.OpenFile(fuseDevice, os.O_RDWR, 0)
	switch {
	case err == nil:
		f.Close()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV):
		return fmt.Errorf("%s is missing: load the kernel's module (modprobe fuse), or give the container the device (docker run --device %[1]s --cap-add SYS_ADMIN); ispy needs neither", fuseDevice)
	case os.Geteuid() != 0:
		// Fusermount opens it as who runs it.
		return fmt.Errorf("%s cannot be opened: %w; everybody may where it has its usual mode (chmod 666 %[1]s); ispy does not need it", fuseDevice, reason(err))
	default:
		return fmt.Errorf("%s cannot be opened: %w; a container must be given the device (docker run --device %[1]s --cap-add SYS_ADMIN); ispy does not need it", fuseDevice, reason(err))
	}
	if os.Geteuid() != 0 {
		_, err = fusermount()
	}
	return err
}

// fusermount finds the program that mounts for who is not root.
func fusermount() (string, error) {
	for _, name := range []string{"fusermount3", "/bin/fusermount3", "fusermount", "/bin/fusermount"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("fusermount3 is missing: who is not root mounts by it; install the package fuse3")
}

// explain says what may help against a mount that failed.
func explain(err error, opts options) error {
	switch {
	case os.Geteuid() == 0 && errors.Is(err, syscall.EPERM):
		return fmt.Errorf("the kernel does not let us mount: %w; the process needs the capability CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN)", err)
	case os.Geteuid() != 0 && opts.allowOther:
		return fmt.Errorf("%s; -allow-other needs the line user_allow_other in /etc/fuse.conf", strings.TrimSpace(err.Error()))
	}
	return fmt.Errorf("mounting failed: %s", strings.TrimSpace(err.Error()))
}
