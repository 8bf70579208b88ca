//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// lastRequests is how long unmounting may take.
const lastRequests = 2 * time.Second

var errBusy = errors.New("busy")

// run mounts, serves until it is told to end, and returns the exit code.
func run(opts options, stdout, stderr io.Writer) int {
	find, err := newFinder(opts)
	if err != nil {
		fmt.Fprintf(stderr, "ispymount: %v\n", err)
		return exitUsage
	}
	return serve(opts, find, stdout, stderr)
}

// serve is run with the processes that find finds.
func serve(opts options, find finder, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintf(stderr, "ispymount: %v\n", err)
		return exitError
	}
	// From here on a signal must not leave anything behind.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)

	mp, cleared, err := prepare(opts.mountpoint)
	if cleared {
		fmt.Fprintf(stderr, "ispymount: detached what an ispymount that was killed had left at %s\n", opts.mountpoint)
	}
	if err != nil {
		return fail(err)
	}
	defer mp.remove()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opts.owner = owner{uint32(os.Geteuid()), uint32(os.Getegid())}
	t := newTree(ctx, opts, find)
	srv, err := mount(t, mp.path, stderr)
	if err != nil {
		return fail(err)
	}
	ended := make(chan struct{})
	go func() {
		srv.Wait()
		close(ended)
	}()
	fmt.Fprintf(stdout, "ispymount: %s is mounted at %s; Ctrl-C unmounts\n", opts.config, mp.path)

	select {
	case <-ended:
		if typ := mountedType(mp.path); typ == fsType {
			mp.lazy()
			return fail(fmt.Errorf("the kernel ended the connection to %s", mp.path))
		}
		fmt.Fprintf(stdout, "ispymount: %s was unmounted\n", mp.path)
		return exitOK
	case <-signals:
	}
	// A second signal must not hurry past this.
	unmounted := make(chan error, 1)
	go func() { unmounted <- srv.Unmount() }()
	select {
	case err = <-unmounted:
	case <-time.After(lastRequests):
		// It waits for the kernel's end of the connection, which does not
		// come while another mount namespace, that of a container begun
		// meanwhile, has a copy of the mount. Ours ends with the process.
		err = nil
		if mountedType(mp.path) == fsType {
			err = errBusy
		}
	}
	if err == nil {
		return exitOK
	}
	if err := mp.lazy(); err != nil {
		return fail(fmt.Errorf("%s cannot be unmounted: %w; try: %s", mp.path, err, unmountCommand(mp.path)))
	}
	fmt.Fprintf(stderr, "ispymount: %s was in use: it is detached, what was open there is lost\n", mp.path)
	return exitOK
}
