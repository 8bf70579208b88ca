package symbols

import (
	"debug/elf"
	"fmt"
	"io"
	"os"

	"github.com/ispyd/ispyd/nodes"
)

// maxSection is the largest section, inflated, that is taken.
const maxSection = 1 << 30

// sections are the parts of the debug information that are kept. The bytes may be
// mapped from a file, then reading them can fault, see [table.read].
type sections struct {
	info, abbrevs, addrs []byte
	// locations and ranges, of DWARF 4 and of DWARF 5, are read when they are first
	// asked for.
	loc, loclists, ranges, rnglists []byte
	maps                            []mapped
}

// mapped is a section in an unlinked file.
type mapped []byte

func (s *sections) close() {
	for _, m := range s.maps {
		m.unmap()
	}
	*s = sections{}
}

// loadSections reads what is needed of an ELF file. zlib and zstd are taken, in the
// forms of SHF_COMPRESSED and .zdebug_.
func loadSections(f *elf.File) (_ *sections, err error) {
	s := &sections{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, w := range []struct {
		name string
		to   *[]byte
	}{{"info", &s.info}, {"abbrev", &s.abbrevs}, {"addr", &s.addrs}} {
		sec := debugSection(f, w.name)
		if sec == nil && w.name == "addr" {
			continue // DWARF 4 has none
		}
		if sec == nil {
			return nil, nodes.Errorf(nodes.ErrNotSupported, "this program has no debug information (.debug_%s): "+
				"build it without -ldflags=-s or -w, and do not strip it", w.name)
		}
		*w.to, err = s.load(sec)
		if err != nil {
			return nil, fmt.Errorf("%s of the executable: %w", sec.Name, err)
		}
	}
	return s, nil
}

func debugSection(f *elf.File, name string) *elf.Section {
	sec := f.Section(".debug_" + name)
	if sec == nil {
		sec = f.Section(".zdebug_" + name)
	}
	return sec
}

// loadLists reads the locations and ranges.
func loadLists(f *elf.File) (_ sections, err error) {
	var s sections
	for _, w := range []struct {
		name string
		to   *[]byte
	}{{"loc", &s.loc}, {"loclists", &s.loclists}, {"ranges", &s.ranges}, {"rnglists", &s.rnglists}} {
		sec := debugSection(f, w.name)
		if sec == nil {
			continue // of the other DWARF
		}
		if *w.to, err = s.load(sec); err != nil {
			s.close()
			return s, fmt.Errorf("%s of the executable: %w", sec.Name, err)
		}
	}
	return s, nil
}

func (s *sections) load(sec *elf.Section) ([]byte, error) {
	if sec.Size > maxSection {
		return nil, nodes.Errorf(nodes.ErrTooLarge, "%d bytes, more than %d are not read", sec.Size, maxSection)
	}
	if sec.Type == elf.SHT_NOBITS {
		return nil, nodes.Errorf(nodes.ErrNotSupported, "is empty: the debug information was moved to another file")
	}
	// What is small is kept on the heap: pages cost more.
	if sec.Size < 64<<10 {
		return sec.Data()
	}
	b, err := s.spill(sec.Open(), int(sec.Size))
	if err != nil {
		return sec.Data() // there is no room, or something is wrong with the section
	}
	return b, nil
}

// spill copies a section to an unlinked file and maps it, so that its pages are
// the kernel's to take back. It is written, not mapped for writing: a full disk is
// then an error, not a fault.
func (s *sections) spill(r io.Reader, size int) ([]byte, error) {
	f, err := os.CreateTemp("", "ispyd-symbols-")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return nil, err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, io.LimitReader(r, int64(size)), make([]byte, 256<<10))
	if err != nil {
		return nil, err
	}
	if n != int64(size) {
		return nil, io.ErrUnexpectedEOF
	}
	m, err := mapFile(f, size)
	if err != nil {
		return nil, err
	}
	s.maps = append(s.maps, m)
	return m, nil
}
