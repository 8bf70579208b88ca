package verb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/fs/client"
)

// The exit codes, of commands and of ispy.
const (
	OK          = 0
	Failed      = 1
	Usage       = 2 // wrong command line, configuration or command
	Unreachable = 3 // no such program, or not to be reached
	Denied      = 4
	TimedOut    = 5
	Some        = 6 // of several programs some failed
	NotFound    = 127
	Interrupted = 130
)

// usageError is a command that makes no sense.
type usageError string

func (e usageError) Error() string { return string(e) }

// Usagef is the error of a command that was given what makes no sense.
func Usagef(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// Silent is an exit code of which nothing need be said: grep found nothing, or the
// error has been shown.
type Silent int

func (e Silent) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Message is the line that a person reads of an error. Errors of files begin with
// the path, others with the verb.
func Message(name string, err error) string {
	if !isFile(err) && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	var file *client.Error
	var gone space.Unreachable
	if name == "" || errors.As(err, &file) || errors.As(err, &gone) {
		return "ispy: " + err.Error()
	}
	return "ispy: " + name + ": " + err.Error()
}

// ExitCode is the exit code that an error stands for.
func ExitCode(err error) int {
	var usage usageError
	var gone space.Unreachable
	var silent Silent
	switch {
	case err == nil:
		return OK
	case errors.As(err, &silent):
		return int(silent)
	case errors.As(err, &usage):
		return Usage
	case errors.Is(err, client.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	case errors.Is(err, context.Canceled):
		return Interrupted
	case errors.Is(err, fs.ErrPermission):
		return Denied
	case errors.As(err, &gone), errors.Is(err, client.ErrHungUp), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH):
		return Unreachable
	}
	return Failed
}

// silentCode is the exit code of an error that is not shown: the reader of a pipe
// that has seen enough is none.
func silentCode(err error) (int, bool) {
	var silent Silent
	switch {
	case errors.As(err, &silent):
		return int(silent), true
	case errors.Is(err, syscall.EPIPE) && !isFile(err):
		return 128 + int(syscall.SIGPIPE), true
	case errors.Is(err, context.Canceled):
		return Interrupted, true
	}
	return 0, false
}

func isFile(err error) bool {
	var file *client.Error
	return errors.As(err, &file)
}
