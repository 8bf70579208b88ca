//go:build linux

package main

import (
	"context"
	"time"
)

// remote is a connection to one process. What package client dials is behind
// it; tests of the bookkeeping use one of their own.
type remote interface {
	// stat describes the file at path, "" for the root of the tree.
	stat(ctx context.Context, path string) (info, error)
	// list returns the listed children of a directory.
	list(ctx context.Context, path string) ([]entry, error)
	// open opens a file with O_RDONLY, O_WRONLY or O_RDWR. One that is slow
	// has a connection of its own, which is closed when ctx ends.
	open(ctx context.Context, path string, flags int) (remoteFile, error)
	// done is closed when the process is gone for good.
	done() <-chan struct{}
	// alive says that it is not, even if that has not come through to done.
	alive() bool
	close()
}

// remoteFile is a file that is open at the server. The slices given to it are
// its caller's again when it returns, also when ctx has ended.
type remoteFile interface {
	readAt(ctx context.Context, p []byte, off int64) (int, error)
	writeAt(ctx context.Context, p []byte, off int64) (int, error)
	// stat describes the open file, with the true size of what it shows.
	stat(ctx context.Context) (info, error)
	close()
}

// form is what a file of the tree is to the mount.
type form uint8

const (
	formDir     form = iota
	formFile         // a rendering: one lookup is one snapshot
	formStream       // grows
	formTimed        // a rendering that takes its time
	formSession      // written and read in turn, each open file by itself
)

// info describes a file without opening it.
type info struct {
	form  form
	perm  uint32 // permission bits
	qid   uint64 // the path of its QID
	size  int64  // 0 where only opening it tells
	mtime time.Time
}

// entry is one line of a directory.
type entry struct {
	name string
	form form // a session looks like a capture here
	qid  uint64
}

// server is an address at which a process may answer.
type server struct {
	name string // how it is called in the mount
	addr string
}
