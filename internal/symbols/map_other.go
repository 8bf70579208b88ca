//go:build !linux

package symbols

import (
	"io"
	"os"
)

func mapFile(f *os.File, size int) (mapped, error) {
	b := make([]byte, size)
	_, err := io.ReadFull(io.NewSectionReader(f, 0, int64(size)), b)
	return b, err
}

func (m mapped) drop()  {}
func (m mapped) unmap() {}
