//go:build linux

package main

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/fs/client"
)

// servers are those that a configuration's address matches.
type servers struct{ config *client.Config }

var _ finder = servers{}

// newFinder reads the configuration.
func newFinder(opts options) (finder, error) {
	c, err := client.Load(opts.config, opts.root)
	if err != nil {
		return nil, err
	}
	// How long a list of the mount may wait for one that is hard to reach.
	c.Timeout = min(opts.timeout, time.Second)
	return servers{c}, nil
}

func (s servers) list(ctx context.Context, only string) ([]server, error) {
	live, err := s.config.Live(ctx, only)
	var list []server
	for _, l := range live {
		list = append(list, server{name: l.Name, addr: l.Addr})
	}
	return list, err
}

func (s servers) dial(ctx context.Context, addr string, timeout time.Duration) (remote, owner, error) {
	c, err := client.Dial(ctx, addr, client.Options{Timeout: timeout, Root: s.config.Root})
	if err != nil {
		return nil, owner{}, err
	}
	top, err := c.Stat(ctx, "")
	if err != nil {
		c.Close()
		return nil, owner{}, err
	}
	own := owner{top.UID(), top.GID()}
	if uid := c.Peer().UID; uid >= 0 {
		own.uid = uint32(uid) // the kernel knows better than the peer
	}
	return conn{c, visible(c.Peer().PID)}, own, nil
}

// visible returns the pid if there is such a process, else 0: sockets can
// outlive those who made them.
func visible(pid int) int {
	if pid <= 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return 0
	}
	return pid
}

// conn is a client's connection as the mount uses it.
type conn struct {
	c   *client.Conn
	pid int // of the process, 0 where it cannot be seen
}

var _ remote = conn{}

func (r conn) stat(ctx context.Context, path string) (info, error) {
	i, err := r.c.Stat(ctx, path)
	if err != nil {
		return info{}, err
	}
	return infoOf(i), nil
}

func infoOf(i client.Info) info {
	in := info{form: formOf(i.Mode()), perm: uint32(i.Mode().Perm()), qid: i.ID(), size: i.Size(), mtime: i.ModTime()}
	if in.form == formTimed && in.perm&0o222 != 0 {
		in.form = formSession
	}
	return in
}

// formOf is what the type of a QID says.
func formOf(mode fs.FileMode) form {
	switch {
	case mode.IsDir():
		return formDir
	case mode&fs.ModeTemporary != 0:
		return formTimed
	case mode&fs.ModeAppend != 0:
		return formStream
	}
	return formFile
}

func (r conn) list(ctx context.Context, path string) ([]entry, error) {
	list, err := r.c.ReadDir(ctx, path)
	entries := make([]entry, len(list))
	for i, e := range list {
		entries[i] = entry{name: e.Name(), form: formOf(e.Mode()), qid: e.ID()}
	}
	return entries, err
}

func (r conn) open(ctx context.Context, path string, flags int) (remoteFile, error) {
	f, err := r.c.Open(ctx, path, flags)
	if err != nil {
		return nil, err
	}
	return openFile{f}, nil
}

func (r conn) done() <-chan struct{} { return r.c.Done() }

func (r conn) alive() bool {
	select {
	case <-r.c.Done():
		return false
	default:
	}
	// What a client sees of an end, it sees a moment later.
	return r.pid == 0 || visible(r.pid) != 0
}

func (r conn) close() { r.c.Close() }

// openFile is a client's open file.
type openFile struct{ f *client.File }

func (o openFile) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	return o.f.ReadAt(ctx, p, off)
}

func (o openFile) writeAt(ctx context.Context, p []byte, off int64) (int, error) {
	return o.f.WriteAt(ctx, p, off)
}

func (o openFile) stat(ctx context.Context) (info, error) {
	i, err := o.f.Stat(ctx)
	if err != nil {
		return info{}, err
	}
	return infoOf(i), nil
}

func (o openFile) close() { o.f.Close() }
