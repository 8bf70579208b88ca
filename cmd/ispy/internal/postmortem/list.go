package postmortem

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// around is how many lines of source are shown before and after the one.
const around = 5

// maxSource bounds a file of source, so that none is read for ever.
const maxSource = 16 << 20

// line is a line of source.
type line struct {
	Number  int    `json:"line"`
	Text    string `json:"text"`
	Current bool   `json:"current,omitempty"`
}

// source reads the lines around one. The file is where the compiler found it, or,
// with a directory, below that, wherever the end of its path fits.
func source(dir, file string, at int) (path string, lines []line, written time.Time, err error) {
	f, path, err := openSource(dir, file)
	if err != nil {
		return "", nil, time.Time{}, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return path, nil, time.Time{}, err
	}
	if !stat.Mode().IsRegular() || stat.Size() > maxSource {
		return path, nil, time.Time{}, fmt.Errorf("%s: no file of source", path)
	}
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxSource)
	for n := 1; n <= at+around && s.Scan(); n++ {
		if n >= at-around {
			lines = append(lines, line{n, s.Text(), n == at})
		}
	}
	if err := s.Err(); err != nil {
		return path, nil, time.Time{}, err
	}
	if len(lines) == 0 || lines[len(lines)-1].Number < at {
		return path, nil, time.Time{}, fmt.Errorf("%s has no line %d: it is another version than the one that was compiled", path, at)
	}
	return path, lines, stat.ModTime(), nil
}

func openSource(dir, file string) (*os.File, string, error) {
	if dir == "" {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, "", fmt.Errorf("%s is not here; say with -source DIR where the source is", file)
		}
		return f, file, err
	}
	// The longest end of the path that is there.
	for rest := strings.TrimLeft(filepath.ToSlash(file), "/"); ; {
		path := filepath.Join(dir, rest)
		if f, err := os.Open(path); err == nil {
			return f, path, nil
		}
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			return nil, "", fmt.Errorf("%s: no end of this path is below %s", file, dir)
		}
		rest = after
	}
}
