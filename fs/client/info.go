package client

import (
	"io/fs"
	"math"
	"time"

	"github.com/hugelgupf/p9/p9"
)

// Info describes a file. It implements fs.FileInfo.
type Info struct {
	name string
	qid  p9.QID
	attr p9.Attr
}

var _ fs.FileInfo = Info{}

// Name is the file's name in its directory, "." for the root.
func (i Info) Name() string { return i.name }

// Size is the size in bytes where it is known. The size of a rendering is known
// when it is open: see [File.Stat]. Until then it is 0.
func (i Info) Size() int64 { return int64(min(i.attr.Size, math.MaxInt64)) }

// Mode is the file's kind and permissions. fs.ModeAppend marks a stream, which
// grows while it is read; fs.ModeTemporary a slow file.
func (i Info) Mode() fs.FileMode {
	m := fs.FileMode(i.attr.Mode.Permissions()) & fs.ModePerm
	switch {
	case i.attr.Mode.IsDir():
		m |= fs.ModeDir
	case i.attr.Mode.IsRegular():
	case i.attr.Mode.IsSymlink():
		m |= fs.ModeSymlink
	default:
		m |= fs.ModeIrregular
	}
	return m | qidMode(i.qid)
}

// qidMode is what a QID's type says beside the kind of file.
func qidMode(q p9.QID) fs.FileMode {
	var m fs.FileMode
	if q.Type&p9.TypeDir != 0 {
		return 0
	}
	if q.Type&p9.TypeAppendOnly != 0 {
		m |= fs.ModeAppend
	}
	if q.Type&p9.TypeTemporary != 0 {
		m |= fs.ModeTemporary
	}
	return m
}

// ModTime is when the file last changed, the zero time where that is not known.
func (i Info) ModTime() time.Time {
	if i.attr.MTimeSeconds == 0 && i.attr.MTimeNanoSeconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(min(i.attr.MTimeSeconds, 1<<40)), int64(i.attr.MTimeNanoSeconds%1e9))
}

// IsDir says that it is a directory.
func (i Info) IsDir() bool { return i.attr.Mode.IsDir() }

// Sys returns nil: see the other methods.
func (i Info) Sys() any { return nil }

// ID is the server's number for this file (the path of its QID).
func (i Info) ID() uint64 { return i.qid.Path }

// Version changes when the file does, where the server keeps count (the version
// of its QID).
func (i Info) Version() uint32 { return i.qid.Version }

// UID and GID are the owner's, as the server has them.
func (i Info) UID() uint32 { return uint32(i.attr.UID) }

// GID: see [Info.UID].
func (i Info) GID() uint32 { return uint32(i.attr.GID) }

// NLink is the number of links.
func (i Info) NLink() uint64 { return uint64(i.attr.NLink) }

// Entry is one name in a directory. It implements fs.DirEntry.
type Entry struct {
	name string
	typ  fs.FileMode
	qid  p9.QID
	info func() (fs.FileInfo, error)
}

var _ fs.DirEntry = Entry{}

// Name is the file's name.
func (e Entry) Name() string { return e.name }

// IsDir says that it is a directory.
func (e Entry) IsDir() bool { return e.typ.IsDir() }

// Type is the kind of file.
func (e Entry) Type() fs.FileMode { return e.typ.Type() }

// Mode is the kind of file, with fs.ModeAppend and fs.ModeTemporary as in
// [Info.Mode]. It has no permissions.
func (e Entry) Mode() fs.FileMode { return e.typ | qidMode(e.qid) }

// ID is the server's number for this file (the path of its QID).
func (e Entry) ID() uint64 { return e.qid.Path }

// Info asks the server about the file, within the context that the directory
// was read with.
func (e Entry) Info() (fs.FileInfo, error) { return e.info() }

// String is the entry in a line, as fs.FormatDirEntry has it.
func (e Entry) String() string { return fs.FormatDirEntry(e) }

// The kinds of files in Rreaddir, those of readdir(3).
const (
	dtDir  = 4
	dtLink = 10
)

// entryType goes by the QID, for some servers put its type, whose bits mean
// other things, where the kind of readdir(3) belongs.
func entryType(d p9.Dirent) fs.FileMode {
	switch {
	case d.QID.Type&p9.TypeDir != 0 || d.QID.Type == 0 && d.Type == dtDir:
		return fs.ModeDir
	case d.QID.Type&p9.TypeSymlink != 0 || d.QID.Type == 0 && d.Type == dtLink:
		return fs.ModeSymlink
	}
	return 0
}
