package minicore

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// image is what is known of the program once and for all.
type image struct {
	pid        int
	executable string
	goID, gnu  string
	auxv       []byte
	// variables are the writable segments, as far as they are worth reading;
	// all is everything that is mapped of the program.
	variables []region
	all       []region
	files     []fileMapping
	mem       *memory
}

// theImage is read at the first use. A failure is not kept: what was denied may
// be allowed later.
var theImage struct {
	sync.Mutex
	*image
}

func program() (*image, error) {
	theImage.Lock()
	defer theImage.Unlock()
	if theImage.image != nil {
		return theImage.image, nil
	}
	img, err := readImage()
	if err == nil {
		theImage.image = img
	}
	return img, err
}

// Check reports whether captures work in this process, and if not why. The first
// call reads what captures need of the program: some 0.1 ms.
func Check() error {
	_, err := program()
	return err
}

// Entries of the auxiliary vector (man 3 getauxval).
const (
	auxProgramHeaders = 3 // AT_PHDR
	auxCount          = 5 // AT_PHNUM
	auxEntry          = 9 // AT_ENTRY
)

// What of .bss and .noptrbss is read: the linker puts small variables first, the
// large ones are the runtime's tables.
const maxPointerlessZeroes = 128 << 10

func readImage() (*image, error) {
	img := &image{pid: os.Getpid()}
	var err error
	if img.mem, err = openMemory(img.pid); err != nil {
		return nil, err
	}
	vector, err := unix.Auxv()
	if err != nil {
		return nil, fmt.Errorf("the auxiliary vector: %w", err)
	}
	var headers, count, entry uint64
	for _, v := range vector {
		img.auxv = le.AppendUint64(img.auxv, uint64(v[0]))
		img.auxv = le.AppendUint64(img.auxv, uint64(v[1]))
		switch v[0] {
		case auxProgramHeaders:
			headers = uint64(v[1])
		case auxCount:
			count = uint64(v[1])
		case auxEntry:
			entry = uint64(v[1])
		}
	}
	img.auxv = append(img.auxv, make([]byte, 16)...) // AT_NULL
	if headers == 0 || entry == 0 || count == 0 || count > 1000 {
		return nil, errors.New("the auxiliary vector does not say where the program is")
	}
	// The program headers follow the file's header, which is mapped with them.
	head := make([]byte, headerSize+count*programSize)
	if err := img.mem.read(headers-headerSize, head); err != nil {
		return nil, fmt.Errorf("the program's ELF header: %w", err)
	}
	if string(head[:4]) != elf.ELFMAG || le.Uint64(head[32:]) != headerSize {
		return nil, errors.New("the program's ELF header is not where it was expected: the program may have been started through its interpreter")
	}
	bias := entry - le.Uint64(head[24:])
	img.programs(head[headerSize:], bias)
	if len(img.variables) == 0 {
		return nil, errors.New("the program has no writable segment")
	}
	img.executable, _ = os.Readlink("/proc/self/exe") // only to be shown
	img.sections(bias)
	return img, nil
}

// programs reads the program headers.
func (img *image) programs(headers []byte, bias uint64) {
	for ; len(headers) >= programSize; headers = headers[programSize:] {
		typ, flags := elf.ProgType(le.Uint32(headers)), elf.ProgFlag(le.Uint32(headers[4:]))
		offset, start := le.Uint64(headers[8:]), le.Uint64(headers[16:])+bias
		inFile, inMemory := le.Uint64(headers[32:]), le.Uint64(headers[40:])
		switch {
		case typ == elf.PT_LOAD && flags&elf.PF_W != 0:
			img.variables = append(img.variables, region{start, start + inMemory})
			img.all = append(img.all, region{start, start + inMemory})
		case typ == elf.PT_LOAD:
			img.all = append(img.all, region{start, start + inMemory})
			// Where it was linked a debugger finds it in the file.
			if bias != 0 {
				before := start % pageSize
				end := (start + inFile + pageSize - 1) &^ (pageSize - 1)
				img.files = append(img.files, fileMapping{start - before, end, (offset - before) / pageSize})
			}
		case typ == elf.PT_NOTE && inFile <= maxNotes:
			notes := make([]byte, inFile)
			if img.mem.read(start, notes) == nil {
				goID, gnu := BuildIDs(notes)
				if goID != "" {
					img.goID = goID
				}
				if gnu != "" {
					img.gnu = gnu
				}
			}
		}
	}
}

// sections cuts off what is not worth reading, and finds notes that no segment
// has. A program without sections is read up to the limits.
func (img *image) sections(bias uint64) {
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		return
	}
	defer f.Close()
	if img.gnu == "" {
		if s := f.Section(".note.gnu.build-id"); s != nil && s.Size <= maxNotes {
			if notes, err := s.Data(); err == nil {
				_, img.gnu = BuildIDs(notes)
			}
		}
	}
	s := f.Section(".noptrbss")
	if s == nil {
		return
	}
	end := s.Addr + bias + min(s.Size, maxPointerlessZeroes)
	for i, v := range img.variables {
		if v.start <= s.Addr+bias && end < v.end {
			img.variables[i].end = end
		}
	}
}

// has reports whether an address is the program's own: text, constants, variables.
func (img *image) has(addr uint64) bool {
	for _, r := range img.all {
		if addr >= r.start && addr < r.end {
			return true
		}
	}
	return false
}
