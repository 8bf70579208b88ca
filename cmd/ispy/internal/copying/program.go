package copying

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/ispyd/ispyd/fs/client"
)

// maxMessage is the most bytes that any program takes at once.
const maxMessage = 1 << 20

// toProgram writes what a file holds to a program's file, in one piece.
func (cp *copier) toProgram(ctx context.Context, from, to string) error {
	data, err := cp.read(ctx, from)
	if err != nil {
		return err
	}
	if len(data) > maxMessage {
		return &client.Error{Op: "write", Path: to, Errno: syscall.EMSGSIZE, Text: fmt.Sprintf(
			"%s has more than %d bytes; a write holds whole commands and is not split", from, maxMessage)}
	}
	return cp.Space.WriteFile(ctx, to, data)
}

// read reads a file, but no more than is needed to see that it is too long.
func (cp *copier) read(ctx context.Context, from string) ([]byte, error) {
	f, err := cp.Space.Open(ctx, from, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxMessage+1))
}
