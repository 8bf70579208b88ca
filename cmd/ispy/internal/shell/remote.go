package shell

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"syscall"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
)

// remote is a file of a program that output goes to. What a command writes is kept
// until it ends, and then sent in one message: commands are never split.
type remote struct {
	sh   *Shell
	errs io.Writer

	mu      sync.Mutex
	file    *space.File
	pending bytes.Buffer
}

func (r *remote) Read(p []byte) (int, error) { return r.file.Read(p) }

func (r *remote) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if most := r.file.MaxWrite(); r.pending.Len()+len(p) > most {
		r.pending.Reset()
		return 0, &client.Error{Op: "write", Path: r.file.Path(), Errno: syscall.EMSGSIZE,
			Text: fmt.Sprintf("more than %d bytes in one write", most)}
	}
	return r.pending.Write(p)
}

// flush sends what a command wrote.
func (r *remote) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending.Len() == 0 {
		return nil
	}
	_, err := r.file.Write(r.pending.Bytes())
	r.pending.Reset()
	return err
}

// Close sends what is left: what a builtin of sh wrote, whose exit code it is too
// late for.
func (r *remote) Close() error {
	err := r.flush()
	if err != nil {
		fmt.Fprintln(r.errs, verb.Message("", err))
		r.sh.redirectFailed(err)
	}
	return r.file.Close()
}

// flush sends what the command wrote to files of programs, and returns its exit
// code.
func flush(code int, errs io.Writer, outputs ...io.Writer) int {
	for _, out := range outputs {
		r, ok := out.(*remote)
		if !ok {
			continue
		}
		if err := r.flush(); err != nil {
			if errs == out {
				errs = r.errs
			}
			fmt.Fprintln(errs, verb.Message("", err))
			code = verb.ExitCode(err)
		}
	}
	return code
}
