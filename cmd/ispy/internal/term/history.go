package term

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// The bounds of a history. When the file is read and has more, the oldest half of it
// goes.
const (
	maxHistoryLines = 10_000
	maxHistoryBytes = 1 << 20
	maxHistoryEntry = 64 << 10
)

// HistoryPath is the file that keeps what was typed:
// $XDG_STATE_HOME/ispyd/history, by default in ~/.local/state. It is "" where there
// is no home.
func HistoryPath() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "ispyd", "history")
}

// history is what was typed, the oldest first: what the file had, and then what
// this editor read. It implements the library's source of a history.
type history struct {
	path string

	mu    sync.Mutex
	lines []string
	err   error // why the file is not used
	told  bool
}

func openHistory(path string) *history {
	h := &history{path: path}
	if path == "" {
		return h
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.err = err
		return h
	}
	h.lines, h.err = load(path)
	return h
}

// warning is the error that the file is not used for, once.
func (h *history) warning() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil || h.told {
		return nil
	}
	h.told = true
	return fmt.Errorf("the history is not kept: %w", h.err)
}

// Write adds a line, unless it begins with a blank.
func (h *history) Write(line string) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if line == "" || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") || len(line) > maxHistoryEntry {
		return len(h.lines), nil
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > 2*maxHistoryLines {
		h.lines = append([]string(nil), h.lines[len(h.lines)-maxHistoryLines:]...)
	}
	if h.path != "" && h.err == nil {
		h.err = appendLine(h.path, line)
	}
	return len(h.lines), nil
}

// GetLine returns the nth line, 0 being the oldest.
func (h *history) GetLine(n int) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n < 0 || n >= len(h.lines) {
		return "", errors.New("no such line in the history")
	}
	return h.lines[n], nil
}

// Len is the number of lines.
func (h *history) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.lines)
}

// Dump returns all lines.
func (h *history) Dump() any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.lines...)
}

// openFile opens the file, for us alone to read, and locks it against others that
// shorten it. The lock is not waited for: who has it may be stopped.
func openFile(path string, flags int) (*os.File, bool, error) {
	for range 10 {
		// Nonblocking, for it may turn out to be a pipe.
		f, err := os.OpenFile(path, flags|os.O_CREATE|unix.O_NONBLOCK, 0o600)
		if err != nil {
			return nil, false, err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is not a regular file", path)
		}
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			err = f.Chmod(0o600)
		}
		if err != nil {
			f.Close()
			return nil, false, err
		}
		locked := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
		// Another may have put a shorter file in its place.
		if now, err := os.Stat(path); err == nil && os.SameFile(info, now) {
			return f, locked, nil
		}
		f.Close()
	}
	return nil, false, fmt.Errorf("%s is replaced all the time", path)
}

// appendLine adds a line in one write, so that several editors can do so at once.
func appendLine(path, line string) error {
	f, _, err := openFile(path, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	_, err = f.WriteString(encode(line) + "\n")
	return errors.Join(err, f.Close())
}

// load reads the end of the file, and shortens it where it is too long.
func load(path string) ([]string, error) {
	f, locked, err := openFile(path, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	offset := max(info.Size()-maxHistoryBytes, 0)
	data, err := io.ReadAll(io.NewSectionReader(f, offset, maxHistoryBytes))
	if err != nil {
		return nil, err
	}
	if offset > 0 { // not half a line
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		if text, ok := decode(strings.TrimSuffix(line, "\n")); ok {
			lines = append(lines, text)
		}
	}
	if locked && (offset > 0 || len(lines) > maxHistoryLines) {
		lines = lines[len(lines)/2:]
		if err := replace(path, lines); err != nil {
			return lines, err
		}
	}
	return lines, nil
}

// replace writes the file anew, all at once.
func replace(path string, lines []string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(encode(line) + "\n")
	}
	_, err = f.WriteString(b.String())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

var encoder = strings.NewReplacer(`\`, `\\`, "\n", `\n`)

// encode is the text in one line.
func encode(text string) string { return encoder.Replace(text) }

// decode is false of what cannot have been typed: the file is damaged there.
func decode(line string) (string, bool) {
	if line == "" || len(line) > 2*maxHistoryEntry || !utf8.ValidString(line) {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' && i+1 < len(line) && (line[i+1] == '\\' || line[i+1] == 'n') {
			i++
			if line[i] == 'n' {
				b.WriteByte('\n')
				continue
			}
		}
		b.WriteByte(line[i])
	}
	text := b.String()
	bad := strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) })
	return text, !bad
}
