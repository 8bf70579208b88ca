package minicore

import (
	"bytes"
	"encoding/binary"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"
)

var le = binary.LittleEndian

// Sizes and numbers of ELF (man 5 elf), and of the kernel's notes
// (include/uapi/linux/elfcore.h) on amd64.
const (
	headerSize  = 64
	programSize = 56

	ptLoad, ptNote = 1, 4

	noteStatus  = 1 // NT_PRSTATUS
	noteProcess = 3 // NT_PRPSINFO
	noteAuxv    = 6 // NT_AUXV
	noteFile    = 0x46494c45
	noteInfo    = 0x59505349 // ours: "ISPY"

	statusSize, statusPID, statusRegisters = 336, 32, 112
	processSize, processPID                = 136, 24

	pageSize = 4096

	// maxSegments is what the header's 16 bits can count, the note aside.
	maxSegments = 0xfffe
)

// infoOwner is the name of our note.
const infoOwner = "ispyd"

// Size is the length of the core in bytes.
func (s *Snapshot) Size() int64 {
	segments := s.segments()
	n := headerSize + programSize*(1+len(segments)) + len(s.notes())
	for _, seg := range segments {
		n += len(seg.data)
	}
	return int64(n)
}

// WriteTo writes the core. It implements io.WriterTo.
func (s *Snapshot) WriteTo(w io.Writer) (int64, error) {
	segments, notes := s.segments(), s.notes()
	head := make([]byte, 0, headerSize+programSize*(1+len(segments))+len(notes))
	head = append(head, 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	head = le.AppendUint16(head, 4)  // ET_CORE
	head = le.AppendUint16(head, 62) // EM_X86_64
	head = le.AppendUint32(head, 1)
	head = le.AppendUint64(head, 0)
	head = le.AppendUint64(head, headerSize) // the program headers follow
	head = le.AppendUint64(head, 0)
	head = le.AppendUint32(head, 0)
	for _, v := range []uint16{headerSize, programSize, uint16(1 + len(segments)), 0, 0, 0} {
		head = le.AppendUint16(head, v)
	}
	offset := uint64(headerSize + programSize*(1+len(segments)))
	program := func(typ, flags uint32, addr uint64, size int) {
		head = le.AppendUint32(head, typ)
		head = le.AppendUint32(head, flags)
		for _, v := range []uint64{offset, addr, 0, uint64(size), uint64(size), 1} {
			head = le.AppendUint64(head, v)
		}
		offset += uint64(size)
	}
	program(ptNote, 0, 0, len(notes))
	for _, seg := range segments {
		program(ptLoad, 6, seg.addr, len(seg.data)) // read, write
	}
	head = append(head, notes...)
	n, err := w.Write(head)
	total := int64(n)
	for _, seg := range segments {
		if err != nil {
			break
		}
		n, err = w.Write(seg.data)
		total += int64(n)
	}
	return total, err
}

// Write writes the core of a snapshot.
func Write(w io.Writer, s *Snapshot) (int64, error) { return s.WriteTo(w) }

// segments are in the order of their addresses and do not overlap.
func (s *Snapshot) segments() []segment {
	fixed := append([]segment(nil), s.fixed...)
	sort.Slice(fixed, func(i, j int) bool { return fixed[i].addr < fixed[j].addr })
	pieces := append([]segment(nil), s.pieces...)
	sort.Slice(pieces, func(i, j int) bool { return pieces[i].addr < pieces[j].addr })
	var out []segment
	add := func(seg segment) {
		if len(seg.data) == 0 {
			return
		}
		// Pieces that were read next to each other are one.
		if k := len(out) - 1; k >= 0 && out[k].end() == seg.addr && follows(out[k].data, seg.data) {
			out[k].data = out[k].data[:len(out[k].data)+len(seg.data)]
			return
		}
		out = append(out, seg)
	}
	i := 0
	for _, p := range pieces {
		for i < len(fixed) && fixed[i].end() <= p.addr {
			add(fixed[i])
			i++
		}
		// What a fixed segment has is cut out.
		for j := i; j < len(fixed) && fixed[j].addr < p.end(); j++ {
			f := fixed[j]
			if f.addr > p.addr {
				add(segment{p.addr, p.data[:f.addr-p.addr]})
			}
			if f.end() >= p.end() {
				p = segment{p.end(), nil}
				break
			}
			add(f)
			i = j + 1
			p = segment{f.end(), p.data[f.end()-p.addr:]}
		}
		add(p)
	}
	for ; i < len(fixed); i++ {
		add(fixed[i])
	}
	if len(out) > maxSegments {
		out = out[:maxSegments]
	}
	return out
}

// follows reports whether b lies behind a in the same array, so that both are one
// slice.
func follows(a, b []byte) bool {
	return cap(a) >= len(a)+len(b) && &a[:len(a)+1][len(a)] == &b[0]
}

func (s *Snapshot) notes() []byte {
	status := make([]byte, statusSize)
	le.PutUint32(status[statusPID:], uint32(s.Info.TID))
	for i, v := range s.Registers.words() {
		le.PutUint64(status[statusRegisters+8*i:], v)
	}
	process := make([]byte, processSize)
	le.PutUint32(process[processPID:], uint32(s.Info.PID))
	b := appendNote(nil, "CORE", noteStatus, status)
	b = appendNote(b, "CORE", noteProcess, process)
	b = appendNote(b, "CORE", noteAuxv, s.auxv)
	if len(s.files) > 0 {
		b = appendNote(b, "CORE", noteFile, s.fileNote())
	}
	return appendNote(b, infoOwner, noteInfo, s.Info.text())
}

// fileNote is the note NT_FILE: fs/binfmt_elf.c, fill_files_note.
func (s *Snapshot) fileNote() []byte {
	b := le.AppendUint64(nil, uint64(len(s.files)))
	b = le.AppendUint64(b, pageSize)
	for _, f := range s.files {
		b = le.AppendUint64(b, f.start)
		b = le.AppendUint64(b, f.end)
		b = le.AppendUint64(b, f.offset)
	}
	for range s.files {
		b = append(append(b, s.Info.Executable...), 0)
	}
	return b
}

func appendNote(b []byte, owner string, typ uint32, desc []byte) []byte {
	b = le.AppendUint32(b, uint32(len(owner)+1))
	b = le.AppendUint32(b, uint32(len(desc)))
	b = le.AppendUint32(b, typ)
	b = pad(append(append(b, owner...), 0))
	return pad(append(b, desc...))
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// text is the note's form: a line for each field, name and value with a tab
// between.
func (i *Info) text() []byte {
	var b bytes.Buffer
	line := func(name, value string) {
		b.WriteString(name + "\t" + strings.ReplaceAll(value, "\n", " ") + "\n")
	}
	line("kind", i.Kind)
	line("executable", i.Executable)
	line("gobuildid", i.GoBuildID)
	line("gnubuildid", i.GNUBuildID)
	line("pid", strconv.Itoa(i.PID))
	line("tid", strconv.Itoa(i.TID))
	line("time", i.Time.UTC().Format(time.RFC3339Nano))
	line("registers", strconv.FormatBool(i.Registers))
	line("truncated", strconv.FormatBool(i.Truncated))
	return b.Bytes()
}
