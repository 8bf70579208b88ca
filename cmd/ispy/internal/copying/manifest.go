package copying

import (
	"io"
	"os"

	"github.com/ispyd/ispyd/internal/bundle"
)

// Manifest is the file of a snapshot that lists what could not be copied: path and
// error, below a header. A snapshot that is whole has none.
const Manifest = "cp-errors.txt"

// manifest collects the errors of a snapshot. Until it is closed, the file says
// that the copy has not finished, which is true for ever of one that was killed.
type manifest struct {
	bundle.Manifest
	root *os.Root
}

func newManifest(root *os.Root) (*manifest, error) {
	var open bundle.Manifest
	open.Add(".", "the copy has not finished")
	return &manifest{root: root}, replace(root, &open)
}

func replace(root *os.Root, m *bundle.Manifest) error {
	return bundle.Put(root, Manifest, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	})
}

// close puts the list in its place, or takes it away where nothing is on it.
func (m *manifest) close() error {
	if m.Len() == 0 {
		return m.root.Remove(Manifest)
	}
	return replace(m.root, &m.Manifest)
}
