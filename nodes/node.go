package nodes

import (
	"context"
	"io/fs"
	"time"
)

// Node is a file or a directory of the tree: a [Dir] or a [File], never both.
type Node interface {
	// Name is the node's name in its directory, as [ValidName] allows.
	Name() string
	// Doc is one line of documentation, without a final full stop. README,
	// help, completion and the manual page are made from these lines.
	Doc() string
}

// Dir is a directory. Its methods are called by many goroutines at once.
type Dir interface {
	Node
	// Lookup returns the child called name, listed or not. The error is
	// fs.ErrNotExist where there is none, or fs.ErrInvalid where it has not
	// the form that all names here have. Callers go through [Lookup], which
	// adds the .json twins.
	Lookup(ctx context.Context, name string) (Node, error)
	// List returns the listed children. What costs or changes something is
	// not listed, only found by Lookup.
	List(ctx context.Context) ([]Node, error)
}

// File is a file. Its methods are called by many goroutines at once.
type File interface {
	Node
	// Attr describes the file as it is now. It is cheap and never fails.
	Attr() Attr
	// Open checks the request and returns a Handle that holds all state of
	// this one use of the file. A file that is rendered is rendered here,
	// but one whose Attr is Slow does its work at the first read.
	Open(ctx context.Context, flags Flags) (Handle, error)
}

// Handle is an open file. ReadAt and WriteAt may be called at once from several
// goroutines; Close is called once, after they have returned, and neither
// blocks nor panics.
type Handle interface {
	// ReadAt reads at most len(p) bytes at the offset; 0 and io.EOF at the
	// end. A short read is not an error and does not mean the end.
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	// WriteAt takes p as one or more whole commands. The offset is ignored.
	// It consumes all of p or fails.
	WriteAt(ctx context.Context, p []byte, off int64) (int, error)
	// Stat returns the true size in bytes of what this handle reads, and the
	// time it last changed. Both may move in a stream.
	Stat() (size int64, mtime time.Time)
	Close() error
}

// Attr describes a file without opening it.
type Attr struct {
	Kind Kind
	// Mode holds the permission bits alone: 0444, 0600.
	Mode fs.FileMode
	// Size is the true size in bytes where it is known without rendering,
	// else 0: the size of a rendering is that of its Handle.
	Size int64
	// ModTime is the time of the last change; zero where it is not known.
	ModTime time.Time
	// Slow says that the first read may take long (a capture, a session):
	// clients use a connection of its own and close it to cancel.
	Slow bool
}

// Kind names how a file behaves. It is the second column of README.
type Kind string

// The kinds of files.
const (
	KindStatic  Kind = "static"  // constant bytes
	KindText    Kind = "text"    // rendered once, at open
	KindValue   Kind = "value"   // one typed value, with a .json twin
	KindVar     Kind = "var"     // a value that can be written
	KindCtl     Kind = "ctl"     // reading lists its verbs, writing runs them
	KindStream  Kind = "stream"  // a bounded ring of records
	KindSession Kind = "session" // write a request, read its answer
	KindTimed   Kind = "timed"   // captured when first read
	KindDir     Kind = "dir"     // a directory, in README only
)

// Flags say what a file is opened for.
type Flags uint8

// The open flags. One at least is set.
const (
	Read Flags = 1 << iota
	Write
)

// Lookup returns the child of dir called name. Where no such name exists and
// it ends in .json, it is the twin of the file without the suffix, if that
// has one (see [Value]).
func Lookup(ctx context.Context, dir Dir, name string) (Node, error) {
	n, err := dir.Lookup(ctx, name)
	if err == nil {
		return n, nil
	}
	return lookupTwin(ctx, dir, name, err)
}

// Twinned is implemented by files that can also be read as JSON.
type Twinned interface {
	File
	// Twin returns the same file as JSON, called Name() + ".json".
	Twin() File
}

// Peer is who asks.
type Peer struct {
	// UID and PID are those of the process at the other end of a unix
	// socket, as the kernel tells; -1 where it does not (TCP, the io/fs view).
	UID, PID int
	// Addr is the peer's address where it is a network peer, else "".
	Addr string
}

type peerKey struct{}

// WithPeer returns a context that says who asks.
func WithPeer(ctx context.Context, p Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, p)
}

// PeerFrom returns who asks; UID and PID are -1 where the context does not say.
func PeerFrom(ctx context.Context) Peer {
	if p, ok := ctx.Value(peerKey{}).(Peer); ok {
		return p
	}
	return Peer{UID: -1, PID: -1}
}

// Pinned is implemented by variables that somebody can set to what they are by
// themselves anyway, as a level of the log which then does not change any more when the
// program changes its own. The file settings of package fs lists them while they are
// set, whatever the value.
type Pinned interface {
	File
	// Own returns a file that shows what the value would be if it were not set,
	// and whose opening is fs.ErrNotExist where it is not.
	Own() File
}
