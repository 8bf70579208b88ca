package copying

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
)

// Manifest is the file of a snapshot that lists what could not be copied: path and
// error, below a header. A snapshot that is whole has none.
const Manifest = "cp-errors.txt"

const manifestHeader = "path\terror\n"

// manifest collects the errors of a snapshot. Until it is closed, the file says
// that the copy has not finished, which is true for ever of one that was killed.
type manifest struct {
	root *os.Root
	temp string
	file *os.File
	w    *bufio.Writer
	n    int
}

func newManifest(root *os.Root) (*manifest, error) {
	err := put(root, Manifest, func(w io.Writer) error {
		_, err := io.WriteString(w, manifestHeader+".\tthe copy has not finished\n")
		return err
	})
	if err != nil {
		return nil, err
	}
	m := &manifest{root: root, temp: ".ispy-" + rand.Text()}
	m.file, err = root.OpenFile(m.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	m.w = bufio.NewWriter(m.file)
	m.w.WriteString(manifestHeader)
	return m, nil
}

// add notes that the file is not there; name is relative to the snapshot.
func (m *manifest) add(name string, err error) {
	m.n++
	fmt.Fprintf(m.w, "%s\t%s\n", oneLine(name), oneLine(err.Error()))
}

// oneLine quotes what would not fit into a column of a table.
func oneLine(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return strconv.Quote(s)
	}
	return s
}

// close puts the list in its place, or takes it away where nothing is on it.
func (m *manifest) close() error {
	err := errors.Join(m.w.Flush(), m.file.Close())
	if err == nil && m.n > 0 {
		err = m.root.Rename(m.temp, Manifest)
	}
	if err == nil && m.n > 0 {
		return nil
	}
	m.root.Remove(m.temp)
	if err == nil {
		err = m.root.Remove(Manifest)
	}
	return err
}
