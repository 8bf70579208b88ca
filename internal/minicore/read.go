package minicore

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxNotes bounds the notes that are read of a core.
const maxNotes = 1 << 20

// ErrNotMiniCore is the error of a core that this package did not write.
var ErrNotMiniCore = errors.New("no core that ispyd wrote")

// ReadInfo reads what a core is of, and its length in bytes by its own account:
// of a truncated one there is less.
func ReadInfo(r io.ReaderAt) (Info, int64, error) {
	head := make([]byte, headerSize)
	if _, err := r.ReadAt(head, 0); err != nil {
		return Info{}, 0, short("header", err)
	}
	if string(head[:6]) != "\x7fELF\x02\x01" || le.Uint16(head[16:]) != 4 || le.Uint16(head[18:]) != 62 ||
		le.Uint64(head[32:]) != headerSize || le.Uint16(head[54:]) != programSize || le.Uint16(head[56:]) == 0 {
		return Info{}, 0, ErrNotMiniCore
	}
	count := int(le.Uint16(head[56:]))
	programs := make([]byte, programSize*count)
	if _, err := r.ReadAt(programs, headerSize); err != nil {
		return Info{}, 0, short("table of segments", err)
	}
	var size int64
	var notes []byte
	for ; len(programs) > 0; programs = programs[programSize:] {
		offset, n := le.Uint64(programs[8:]), le.Uint64(programs[32:])
		if offset > 1<<40 || n > 1<<40 {
			return Info{}, 0, fmt.Errorf("%w: a segment of %d bytes at %d", ErrNotMiniCore, n, offset)
		}
		size = max(size, int64(offset+n))
		if le.Uint32(programs) != ptNote || notes != nil {
			continue
		}
		if n > maxNotes {
			return Info{}, 0, fmt.Errorf("%w: notes of %d bytes", ErrNotMiniCore, n)
		}
		notes = make([]byte, n)
		if _, err := r.ReadAt(notes, int64(offset)); err != nil {
			return Info{}, 0, short("notes", err)
		}
	}
	err := ErrNotMiniCore
	var info Info
	for len(notes) > 0 {
		if len(notes) < 12 {
			return Info{}, size, errDamaged
		}
		name, desc, typ := uint64(le.Uint32(notes)), uint64(le.Uint32(notes[4:])), le.Uint32(notes[8:])
		start := 12 + (name+3)&^3
		end := start + desc
		if end > uint64(len(notes)) {
			return Info{}, size, errDamaged
		}
		if typ == noteInfo && string(notes[12:12+name]) == infoOwner+"\x00" {
			info, err = parseInfo(string(notes[start:end])), nil
		}
		notes = notes[min((end+3)&^3, uint64(len(notes))):]
	}
	return info, size, err
}

var errDamaged = errors.New("damaged core: a note is longer than all notes")

func short(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("truncated core: it ends within its %s", what)
	}
	return err
}

func parseInfo(text string) (i Info) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		switch name {
		case "kind":
			i.Kind = value
		case "executable":
			i.Executable = value
		case "gobuildid":
			i.GoBuildID = value
		case "gnubuildid":
			i.GNUBuildID = value
		case "pid":
			i.PID, _ = strconv.Atoi(value)
		case "tid":
			i.TID, _ = strconv.Atoi(value)
		case "time":
			i.Time, _ = time.Parse(time.RFC3339Nano, value)
		case "registers":
			i.Registers = value == "true"
		case "truncated":
			i.Truncated = value == "true"
		}
	}
	return i
}

// BuildIDs finds the Go and GNU build ids in the notes of an executable: the
// segment's or section's bytes. The GNU one is in hexadecimal.
func BuildIDs(notes []byte) (goID, gnuID string) {
	const typeGNU, typeGo = 3, 4 // NT_GNU_BUILD_ID; cmd/link/internal/ld/elf.go
	for len(notes) >= 12 {
		name, desc, typ := uint64(le.Uint32(notes)), uint64(le.Uint32(notes[4:])), le.Uint32(notes[8:])
		start := 12 + (name+3)&^3
		end := start + desc
		if end > uint64(len(notes)) {
			break
		}
		switch owner := string(notes[12 : 12+name]); {
		case owner == "Go\x00\x00" && typ == typeGo:
			goID = string(notes[start:end])
		case owner == "GNU\x00" && typ == typeGNU:
			gnuID = fmt.Sprintf("%x", notes[start:end])
		}
		notes = notes[min((end+3)&^3, uint64(len(notes))):]
	}
	return goID, gnuID
}
