// Package procstate tells what the kernel knows of another process: whether it
// can answer at all, and if not, why. It reads /proc and the cgroup file
// system; where these are absent (darwin) nothing is known, which is no error.
package procstate

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/sysname"
)

// Reader says where the files are.
type Reader struct {
	// Proc and Cgroup are the mount points of proc and of the cgroup file
	// systems.
	Proc, Cgroup string
}

// System reads this machine's files.
var System = Reader{Proc: "/proc", Cgroup: "/sys/fs/cgroup"}

// State is what is known of one process.
type State struct {
	// PID is the process id, in our own pid namespace.
	PID int
	// Code is the state's letter in /proc/PID/stat (proc(5)): R running, S
	// sleeping, D waiting in the kernel, T stopped, t stopped by its tracer,
	// Z zombie. It is that of the first thread, but D only where no thread is
	// in another state.
	Code byte
	// Signal is the name of the signal that stopped it, SIGTSTP, or "".
	Signal string
	// Tracer is the pid of its debugger, or 0.
	Tracer int
	// Threads counts its threads, Waiting those among them in state D.
	Threads, Waiting int
	// Frozen says that its cgroup is frozen.
	Frozen bool
	// Command is the name of its executable.
	Command string
	// Started is when it started; zero where that is not known.
	Started time.Time
}

// clockTick is the unit of the times in /proc/PID/stat: USER_HZ, 100 a second
// on every architecture that Go runs on (time(7)).
const clockTick = time.Second / 100

// Read tells what is known of the process pid, false where that is nothing.
func (r Reader) Read(pid int) (State, bool) {
	if pid <= 0 {
		return State{}, false
	}
	dir := filepath.Join(r.Proc, strconv.Itoa(pid))
	fields, comm, ok := readStat(filepath.Join(dir, "stat"))
	if !ok {
		return State{}, false
	}
	s := State{PID: pid, Code: fields[0][0], Command: comm}
	if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
		s.Command = path.Base(strings.TrimSuffix(exe, " (deleted)"))
	}
	if s.Code == 'T' {
		s.Signal = stopSignal(fields)
	}
	if ticks, err := strconv.ParseInt(field(fields, 22), 10, 64); err == nil {
		if boot := r.bootTime(); !boot.IsZero() {
			s.Started = boot.Add(time.Duration(ticks) * clockTick)
		}
	}
	if status, err := os.ReadFile(filepath.Join(dir, "status")); err == nil {
		s.Tracer, _ = strconv.Atoi(value(status, "TracerPid:"))
	}
	s.Threads, s.Waiting = threads(dir)
	if s.Code == 'D' && s.Waiting < s.Threads {
		s.Code = 'S'
	}
	s.Frozen = r.frozen(pid)
	return s, true
}

// Halted says that the process cannot answer, whatever it wants.
func (s State) Halted() bool {
	return s.Frozen || s.Code == 'T' || s.Code == 't' || s.Code == 'Z' || s.Code == 'X'
}

// String goes on a sentence that begins "14905 is": running, stopped (SIGTSTP).
func (s State) String() string {
	text := ""
	switch s.Code {
	case 'T':
		text = "stopped"
		if s.Signal != "" {
			text += " (" + s.Signal + ")"
		}
	case 't':
		text = "stopped by its tracer"
		if s.Tracer != 0 {
			text += " " + strconv.Itoa(s.Tracer)
		}
		return s.andFrozen(text)
	case 'D':
		text = "waiting in the kernel (D)"
	case 'Z', 'X':
		text = "dead, a zombie"
	case 0:
		return ""
	default:
		text = "running"
		if s.Waiting > 0 {
			text += fmt.Sprintf(", %d of %d threads waiting in the kernel (D)", s.Waiting, s.Threads)
		}
	}
	if s.Tracer != 0 {
		text += fmt.Sprintf(", traced by %d", s.Tracer)
	}
	return s.andFrozen(text)
}

func (s State) andFrozen(text string) string {
	switch {
	case !s.Frozen:
		return text
	case text == "running":
		return "frozen (its cgroup)"
	default:
		return "frozen (its cgroup), " + text
	}
}

// readStat returns the fields of a stat file from the third on, and the second,
// the command, which may hold blanks and parentheses.
func readStat(name string) (fields []string, comm string, ok bool) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, "", false
	}
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return nil, "", false
	}
	fields = strings.Fields(string(b[end+1:]))
	if len(fields) == 0 {
		return nil, "", false
	}
	return fields, string(b[open+1 : end]), true
}

// field is the n-th field of proc(5), "" where there are fewer.
func field(fields []string, n int) string {
	if n-3 < len(fields) {
		return fields[n-3]
	}
	return ""
}

// stopSignal is the signal that stopped the process: Linux puts it where the
// exit code will stand, for those who may trace the process; else it is 0.
func stopSignal(fields []string) string {
	code, err := strconv.Atoi(field(fields, 52))
	if err != nil || code&0x7f == 0 {
		return ""
	}
	return sysname.Signal(code & 0x7f)
}

// bootTime is when the system started.
func (r Reader) bootTime() time.Time {
	stat, err := os.ReadFile(filepath.Join(r.Proc, "stat"))
	if err != nil {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(value(stat, "btime "), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// maxThreads bounds the threads that are looked at.
const maxThreads = 256

// threads counts the threads in all, and those that wait in the kernel.
func threads(dir string) (all, waiting int) {
	d, err := os.Open(filepath.Join(dir, "task"))
	if err != nil {
		return 0, 0
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxThreads)
	for _, name := range names {
		fields, _, ok := readStat(filepath.Join(dir, "task", name, "stat"))
		if !ok {
			continue
		}
		all++
		if fields[0] == "D" {
			waiting++
		}
	}
	return all, waiting
}

// value is what follows the key at the beginning of a line.
func value(text []byte, key string) string {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(key)); ok {
			return string(bytes.TrimSpace(rest))
		}
	}
	return ""
}
