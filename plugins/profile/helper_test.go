package profile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	pprofile "github.com/google/pprof/profile"
	xtrace "golang.org/x/exp/trace"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// patience is how long a test waits for an event that comes.
const patience = time.Minute

func tree(t testing.TB, conf string) nodes.Dir {
	t.Helper()
	dir, closer, err := Plugin.Open(plugintest.Config(t, "profile", conf))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func openFile(ctx context.Context, dir nodes.Dir, name string, flags nodes.Flags) (nodes.Handle, error) {
	n, err := nodes.Walk(ctx, dir, name)
	if err != nil {
		return nil, err
	}
	f, ok := n.(nodes.File)
	if !ok {
		return nil, nodes.Errorf(fs.ErrInvalid, "%s is a directory", name)
	}
	return f.Open(ctx, flags)
}

// readFile reads a file, also one that is captured when it is read.
func readFile(ctx context.Context, dir nodes.Dir, name string) ([]byte, error) {
	h, err := openFile(ctx, dir, name, nodes.Read)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	var all []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := h.ReadAt(ctx, buf, int64(len(all)))
		all = append(all, buf[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func read(t testing.TB, dir nodes.Dir, name string) string {
	t.Helper()
	b, err := readFile(t.Context(), dir, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(b)
}

func writeAs(ctx context.Context, dir nodes.Dir, name, text string) error {
	h, err := openFile(ctx, dir, name, nodes.Write)
	if err != nil {
		return err
	}
	defer h.Close()
	_, err = h.WriteAt(ctx, []byte(text), 0)
	return err
}

func do(t testing.TB, dir nodes.Dir, command string) {
	t.Helper()
	if err := writeAs(t.Context(), dir, "ctl", command); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

// wantError checks an error's sentinel and text.
func wantError(t testing.TB, what string, err, sentinel error, text string) {
	t.Helper()
	if !errors.Is(err, sentinel) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: %v, want %v: %s", what, err, sentinel, text)
	}
}

// eventually waits for something to become true.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%s: still not so after %s\n%s", what, patience, buf[:runtime.Stack(buf, true)])
		}
	}
}

// parsed checks a profile with pprof's own reader.
func parsed(t testing.TB, data string) *pprofile.Profile {
	t.Helper()
	p, err := pprofile.ParseData([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	return p
}

// hasFunction reports whether a function of the profile's samples has the suffix.
func hasFunction(p *pprofile.Profile, suffix string) bool {
	for _, s := range p.Sample {
		for _, l := range s.Location {
			for _, line := range l.Line {
				if strings.HasSuffix(line.Function.Name, suffix) {
					return true
				}
			}
		}
	}
	return false
}

// events reads a trace to its end and returns how many events and what logs it has.
func events(t testing.TB, data string) (n int, logs string) {
	t.Helper()
	r, err := xtrace.NewReader(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			return n, logs
		}
		if err != nil {
			t.Fatalf("after %d events: %v", n, err)
		}
		n++
		if ev.Kind() == xtrace.EventLog {
			logs += ev.Log().Category + "=" + ev.Log().Message + "\n"
		}
	}
}

// burn uses CPU until stop is closed.
func burn(t testing.TB) {
	stop, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		spin(stop)
	}()
	t.Cleanup(func() { close(stop); <-done })
}

//go:noinline
func spin(stop chan bool) {
	for x := 0; ; x++ {
		if x%1_000_000 == 0 {
			select {
			case <-stop:
				return
			default:
			}
		}
	}
}

// profiling reports whether a CPU profile is being taken, without trying.
func profiling() bool {
	buf := make([]byte, 1<<20)
	return bytes.Contains(buf[:runtime.Stack(buf, true)], []byte("\nruntime/pprof.profileWriter("))
}

// noCPUProfile waits until nobody takes a CPU profile.
func noCPUProfile(t testing.TB) {
	t.Helper()
	eventually(t, "the CPU profiler is free", func() bool { return !profiling() })
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Error(err)
	}
	pprof.StopCPUProfile()
}

// vanishing begins to read a file and leaves; begun tells when it is time to.
func vanishing(t testing.TB, dir nodes.Dir, name string, begun func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left := make(chan error)
	go func() {
		_, err := readFile(ctx, dir, name)
		left <- err
	}()
	eventually(t, name+" has begun", begun)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("%s, left: %v", name, err)
	}
}

// onFile returns the name of a file of these bytes.
func onFile(t testing.TB, data string) string {
	t.Helper()
	name := t.TempDir() + "/data"
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// isGzip reports whether bytes may be a profile.
func isGzip(s string) bool { return bytes.HasPrefix([]byte(s), []byte{0x1f, 0x8b}) }
