package term

import (
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// withoutColor takes the colours out of what is written to the standard output
// until the function that it returns is called. The library has no switch for them,
// and looks the standard output up each time that it writes.
func withoutColor() (restore func()) {
	r, w, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	out := os.Stdout
	os.Stdout = w
	done := make(chan struct{})
	go func() {
		defer close(done)
		f := colorFilter{w: out}
		io.Copy(&f, r)
		f.flush()
		r.Close()
	}()
	return func() {
		os.Stdout = out
		w.Close()
		<-done
	}
}

// colorFilter leaves out the colours of what is written, not the other effects.
type colorFilter struct {
	w    io.Writer
	rest string // the begin of a sequence
}

// Made when they are needed: ispy starts often.
var (
	sgr        = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\x1b\[[0-9;]*m`) })
	unfinished = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\x1b(\[[0-9;]*)?$`) })
)

func (f *colorFilter) Write(p []byte) (int, error) {
	text := f.rest + string(p)
	f.rest = unfinished().FindString(text)
	text = strings.TrimSuffix(text, f.rest)
	_, err := io.WriteString(f.w, sgr().ReplaceAllStringFunc(text, plainSGR))
	return len(p), err
}

func (f *colorFilter) flush() { io.WriteString(f.w, f.rest) }

// plainSGR is the sequence without its colours.
func plainSGR(seq string) string {
	params := strings.TrimSuffix(strings.TrimPrefix(seq, "\x1b["), "m")
	if params == "" {
		return seq
	}
	var keep []string
	fields := strings.Split(params, ";")
	for i := 0; i < len(fields); i++ {
		n, err := strconv.Atoi(fields[i])
		if err == nil && (n == 38 || n == 48) && i+1 < len(fields) {
			i += map[string]int{"5": 2, "05": 2, "2": 4, "02": 4}[fields[i+1]]
			continue
		}
		if err != nil || n < 30 || n == 39 || n == 49 {
			keep = append(keep, fields[i])
		}
	}
	if keep == nil {
		return ""
	}
	return "\x1b[" + strings.Join(keep, ";") + "m"
}
