package postmortem

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/core"

	"github.com/ispyd/ispyd/internal/minicore"
)

// maxFrames is how deep a stack is shown.
const maxFrames = 1000

// dead is a goroutine that was captured, with the program that it ran in.
type dead struct {
	group   *proc.TargetGroup
	target  *proc.Target
	thread  proc.Thread
	g       *proc.G // nil where the core has none
	frames  []proc.Stackframe
	info    minicore.Info
	ours    bool // the core is a mini-core
	program string
	built   time.Time // when the executable was written
}

// openDead opens a core. Delve believes what a core says, and a damaged one says
// anything: what can be checked is checked before, and a panic is an error.
func openDead(corePath, exe string) (d *dead, err error) {
	info, ours, err := checkCore(corePath)
	if err != nil {
		return nil, err
	}
	if err := checkProgram(exe, info, ours); err != nil {
		return nil, err
	}
	d = &dead{info: info, ours: ours, program: exe}
	if stat, err := os.Stat(exe); err == nil {
		d.built = stat.ModTime()
	}
	err = guard("the core", func() error {
		d.group, err = core.OpenCore(corePath, exe, nil)
		if err != nil {
			return fmt.Errorf("the core: %w", err)
		}
		d.target = d.group.Targets()[0]
		d.thread = d.target.CurrentThread()
		if d.thread == nil {
			return errors.New("the core has no thread")
		}
		if g, err := proc.GetG(d.thread); err == nil {
			d.g = g
		}
		d.frames, err = proc.ThreadStacktrace(d.target, d.thread, maxFrames)
		if err != nil && len(d.frames) == 0 {
			return fmt.Errorf("the stack: %w", err)
		}
		return nil
	})
	if err == nil && (len(d.frames) == 0 || d.frames[0].Call.Fn == nil) {
		err = errors.New("the core's stack is of no function of this program: the core is damaged, or of another build")
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *dead) close() {
	if d.group == nil {
		return
	}
	// It kills nothing: there is no process.
	guard("close", func() error { return d.group.Detach(false) }) //nolint:errcheck // it is read only
}

// guard runs what works on untrusted bytes: a panic there is an error.
func guard(what string, do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%s cannot be read: %v", what, v)
		}
	}()
	return do()
}

// checkCore reads what a core is of. One that is no mini-core is taken as it is.
func checkCore(path string) (info minicore.Info, ours bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return info, false, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return info, false, err
	}
	info, size, err := minicore.ReadInfo(f)
	foreign := errors.Is(err, minicore.ErrNotMiniCore)
	switch {
	case err != nil && !foreign:
		return info, false, err
	case stat.Size() < size:
		return info, false, fmt.Errorf("truncated core: it has %d of %d bytes", stat.Size(), size)
	case foreign:
		e, err := elf.NewFile(f)
		if err != nil || e.Type != elf.ET_CORE {
			return info, false, fmt.Errorf("no core: %w", minicore.ErrNotMiniCore)
		}
	}
	return info, !foreign, nil
}

// buildError is a program that is not the one that the core is of.
type buildError struct{ text string }

func (e *buildError) Error() string { return e.text }

// checkProgram says whether an executable is the one that a core is of, and
// whether it says where its variables are.
func checkProgram(path string, info minicore.Info, ours bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	e, err := elf.NewFile(f)
	if err != nil || e.Type != elf.ET_EXEC && e.Type != elf.ET_DYN {
		return &buildError{fmt.Sprintf("%s is no executable of Linux", path)}
	}
	goID, gnuID := buildIDs(e)
	switch {
	case !ours:
	case info.GoBuildID != "" && goID != "" && info.GoBuildID != goID:
		return &buildError{fmt.Sprintf("%s is another build than the one that was captured: its Go build id is %s, the core's %s; name the executable that ran, or a copy of it, with -exe", path, goID, info.GoBuildID)}
	case info.GNUBuildID != "" && gnuID != "" && info.GNUBuildID != gnuID:
		return &buildError{fmt.Sprintf("%s is another build than the one that was captured: its build id is %s, the core's %s; name the executable that ran, or a copy of it, with -exe", path, gnuID, info.GNUBuildID)}
	case info.GoBuildID != "" && goID == "" && info.GNUBuildID != gnuID:
		return &buildError{fmt.Sprintf("%s is not the program that was captured: it has no Go build id, the core's is %s", path, info.GoBuildID)}
	}
	if e.Section(".debug_info") == nil && e.Section(".zdebug_info") == nil {
		return &buildError{fmt.Sprintf("%s has no debugging information: it was stripped, or linked with -s or -w; name its unstripped original with -exe (a build with -s or -w has none: build in full, keep that, and ship a copy made by strip)", path)}
	}
	return nil
}

// buildIDs reads the notes of an executable.
func buildIDs(e *elf.File) (goID, gnuID string) {
	for _, p := range e.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz > 1<<20 {
			continue
		}
		notes := make([]byte, p.Filesz)
		if _, err := io.ReadFull(p.Open(), notes); err != nil {
			continue
		}
		g, n := minicore.BuildIDs(notes)
		if g != "" {
			goID = g
		}
		if n != "" {
			gnuID = n
		}
	}
	// The linker's own note need not be in a segment.
	if s := e.Section(".note.gnu.build-id"); s != nil && gnuID == "" && s.Size <= 1<<20 {
		if notes, err := s.Data(); err == nil {
			_, gnuID = minicore.BuildIDs(notes)
		}
	}
	return goID, gnuID
}
