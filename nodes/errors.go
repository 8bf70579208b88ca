package nodes

import (
	"errors"
	"fmt"
	"io/fs"
)

// The errors that a node returns, beside those of io/fs (ErrNotExist,
// ErrPermission, ErrInvalid, ErrExist). They are wrapped, by [Errorf] or by %w;
// package fs maps them to errno values at the edge.
var (
	// ErrMisnamed is fs.ErrNotExist for a name that its directory has more to say
	// about than that it is not there: what is wrong with it, and what would be
	// right. Package fs records the text, which it does not for other names.
	ErrMisnamed = fmt.Errorf("misnamed: %w", fs.ErrNotExist)
	// ErrBusy says that somebody else holds what was asked for (EBUSY).
	ErrBusy = errors.New("busy")
	// ErrNotSupported says that this platform, build or program cannot do it (EOPNOTSUPP, 95).
	ErrNotSupported = errors.New("not supported")
	// ErrDisabled says that the configuration has not turned it on (EACCES).
	ErrDisabled = errors.New("disabled by the configuration")
	// ErrReadOnly says that the file, or the whole tree, cannot be written (EACCES).
	ErrReadOnly = errors.New("read only")
	// ErrTooLarge says that the request is larger than is taken (EMSGSIZE).
	ErrTooLarge = errors.New("too large")
	// ErrTimeout says that the answer did not come in time (ETIMEDOUT).
	ErrTimeout = errors.New("timed out")
	// ErrPanic says that the code behind the file panicked (EIO).
	ErrPanic = errors.New("panic")
)

// Error is a text for the person over a sentinel for the program.
type Error struct {
	Text string
	Err  error
}

// Error returns the text alone: the sentinel's words are the errno's.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error that reads as formatted and is sentinel.
//
//go:noinline
func Errorf(sentinel error, format string, args ...any) error {
	return &Error{Text: fmt.Sprintf(format, args...), Err: sentinel}
}

// notExist is the error of a name that is not there.
func notExist(name string) error {
	return Errorf(fs.ErrNotExist, "%s: no such file", name)
}

// readOnly is the error of opening for writing what cannot be written.
func readOnly(name string) error {
	return Errorf(ErrReadOnly, "%s is read only", name)
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
