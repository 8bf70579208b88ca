package debugger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ispyd/ispyd/internal/minicore"
	"github.com/ispyd/ispyd/internal/probes/panics"
)

// crash keeps what ends the program. Whether a panic will, nobody knows while it
// begins: so each one leaves its core in a file, the last of which stays if the
// program ends, and the runtime itself writes the text into another. Who opens the
// directory next makes a traceback of both.
type crash struct {
	base string // of the files' names: dir/crash-PID-TIME

	mu     sync.Mutex
	bucket probe
	seq    int
	cores  int // that could not be kept
}

const crashPrefix = "crash-"

// keepCrashes makes tracebacks of the crashes before, and prepares for the next.
func (p *plugin) keepCrashes() error {
	dir := p.conf.Dir
	if err := prepare(dir); err != nil {
		return fmt.Errorf("debugger.on-crash: %w", err)
	}
	p.collectCrashes(dir)
	c := &crash{base: filepath.Join(dir, crashPrefix+strconv.Itoa(os.Getpid())+"-"+strconv.FormatInt(time.Now().UnixNano(), 10))}
	f, err := os.OpenFile(c.base+".txt", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("debugger.on-crash: %w", err)
	}
	defer f.Close() // the runtime has a copy
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("debugger.on-crash: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crash = c
	if !p.conf.Engine {
		return nil
	}
	// Without the hook the text is kept alone.
	if err := p.hook(); err != nil {
		return fmt.Errorf("debugger.on-crash: the core of a crash will be missing: %w", err)
	}
	p.rearm()
	return nil
}

// mayCome leaves the core of a panic that may end the program.
func (c *crash) mayCome(p *plugin, x *panics.Panic, caught []*probe) {
	if !c.bucket.allow(time.Now(), *p.limit.Load()) {
		return
	}
	t := newTraceback(kindCrash, x.Value, x.PCs)
	for _, pr := range caught {
		t.Probes = append(t.Probes, pr.name)
	}
	core, err := minicore.Capture(frameOf(x), x.Value, minicore.Limits{})
	if err != nil {
		t.NoCore = err.Error()
	} else {
		defer core.Close()
		t.Build = core.Info.GoBuildID
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.write(t, core); err != nil {
		c.cores++
	}
}

// left is what is written beside the core.
type left struct {
	Seq       int
	Traceback *traceback
}

// write replaces the files. c.mu is held.
func (c *crash) write(t *traceback, core *minicore.Snapshot) error {
	before := c.core(c.seq)
	c.seq++
	if core != nil {
		var b bytes.Buffer
		b.Grow(int(core.Size()))
		if _, err := core.WriteTo(&b); err != nil {
			return err
		}
		t.Core = int64(b.Len())
		if err := os.WriteFile(c.core(c.seq), b.Bytes(), 0o600); err != nil {
			return err
		}
	}
	meta, err := json.Marshal(left{c.seq, t})
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.base+".new", meta, 0o600); err != nil {
		return err
	}
	err = os.Rename(c.base+".new", c.base+".json")
	os.Remove(before)
	return err
}

func (c *crash) core(seq int) string { return c.base + "-" + strconv.Itoa(seq) + ".core" }

// close ends the wait for a crash: the program closes in order.
func (c *crash) close() {
	if c == nil {
		return
	}
	debug.SetCrashOutput(nil, debug.CrashOptions{}) //nolint:errcheck // it stays as it was
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range []string{c.core(c.seq), c.base + ".json", c.base + ".new", c.base + ".txt"} {
		os.Remove(name)
	}
}

func (c *crash) state() string {
	if c == nil {
		return "off"
	}
	return "on"
}

func (c *crash) detail() string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := "runtime/debug.SetCrashOutput, of which a program has one, is taken"
	if c.cores > 0 {
		s += "; " + strconv.Itoa(c.cores) + " cores could not be written"
	}
	return s
}

// collectCrashes makes tracebacks of what programs that have ended left.
func (p *plugin) collectCrashes(dir string) {
	texts, err := filepath.Glob(filepath.Join(dir, crashPrefix+"*.txt"))
	if err != nil {
		return
	}
	for _, name := range texts {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(name), crashPrefix), "-")
		n, err := strconv.Atoi(pid)
		if err != nil || n != os.Getpid() && lives(n) {
			continue
		}
		base := strings.TrimSuffix(name, ".txt")
		if t := collect(base, n); t != nil {
			t.Text, t.Value = p.redact.Text(t.Text), p.redact.Text(t.Value)
			// The crash tells all that a probe on it has told.
			p.store.discard(t.repeats) //nolint:errcheck // then it is there twice
			if err := p.store.add(t); err != nil {
				p.event("error", "", "a crash could not be kept: "+err.Error())
				continue
			}
			p.events.Append(t.line())
		}
		files, _ := filepath.Glob(base + "*")
		for _, f := range files {
			os.Remove(f)
		}
	}
}

// lives reports whether there is a process.
func lives(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer p.Release() //nolint:errcheck // nothing is held
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}

// collect makes a traceback of the files of a crash, nil where there was none.
func collect(base string, pid int) *traceback {
	info, err := os.Stat(base + ".txt")
	if err != nil || info.Size() == 0 {
		return nil
	}
	text, err := readHead(base+".txt", maxText)
	if err != nil {
		return nil
	}
	t := &traceback{Kind: kindCrash, Time: info.ModTime(), PID: pid, Probes: []string{}, Text: text, NoCore: "the program did not end by a panic that was seen"}
	t.fromText()
	data, err := os.ReadFile(base + ".json")
	var l left
	if err != nil || json.Unmarshal(data, &l) != nil || l.Traceback == nil {
		return t
	}
	// The last panic that was seen may have been another one, which was recovered.
	was := l.Traceback
	if was.Goroutine != t.Goroutine || !strings.Contains(text, strings.TrimSuffix(panicLine(firstLine(was.Value)), "\n\n")) {
		return t
	}
	was.Text = text
	was.core, err = os.ReadFile(base + "-" + strconv.Itoa(l.Seq) + ".core")
	if err != nil || int64(len(was.core)) != was.Core {
		was.core, was.Core = nil, 0
		if was.NoCore == "" {
			was.NoCore = "it was not written"
		}
	}
	return was
}

// sameCrash is how long before a crash a probe may have seen its panic: the deferred
// functions run in between.
const sameCrash = time.Minute

// repeats says that a traceback is of the panic that a crash ended with.
func (t *traceback) repeats(o *traceback) bool {
	apart := t.Time.Sub(o.Time).Abs()
	return o.Kind == kindPanic && len(o.Probes) > 0 && o.PID == t.PID && o.Goroutine == t.Goroutine && t.Goroutine != 0 &&
		o.Type == t.Type && o.Value == t.Value && o.Function == t.Function && o.At == t.At && apart < sameCrash
}

// fromText reads what the text of a crash tells by itself: goroutine, value, type where
// it is told, and the innermost frame that is not the runtime's.
func (t *traceback) fromText() {
	t.Value = firstLine(t.Text)
	if v, ok := strings.CutPrefix(t.Value, "panic: "); ok {
		t.Value = strings.TrimSuffix(v, " [recovered]")
		switch name, rest, ok := strings.Cut(strings.TrimPrefix(t.Value, "("), ") "); {
		case strings.HasPrefix(t.Value, "runtime error: "):
			t.Type = "runtime.Error"
		case ok && rest != "" && strings.HasPrefix(t.Value, "(") && !strings.Contains(name, " "):
			t.Type = name
		}
	} else if v, ok := strings.CutPrefix(t.Value, "fatal error: "); ok {
		t.Type, t.Value = "fatal error", v
	}
	_, rest, ok := strings.Cut(t.Text, "\ngoroutine ")
	if !ok {
		return
	}
	digits, _, _ := strings.Cut(rest, " ")
	t.Goroutine, _ = strconv.ParseUint(digits, 10, 64)
	rest, _, _ = strings.Cut(rest, "\n\n")
	lines := strings.Split(rest, "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		open := openingOf(lines[i])
		if open < 0 || strings.HasPrefix(lines[i], "runtime.") || strings.HasPrefix(lines[i], "panic(") || isOurs(lines[i]) {
			continue
		}
		t.Function = lines[i][:open]
		t.At, _, _ = strings.Cut(strings.TrimSpace(lines[i+1]), " +0x")
		return
	}
}

// readHead reads the beginning of a file.
func readHead(name string, most int) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, most)
	n, err := f.Read(b)
	return string(b[:n]), err
}
