package process

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
)

// childEnv makes the test binary the child: a process with known properties
// that answers questions about its own tree.
const childEnv = "ISPYD_PROCESS_TEST_CHILD"

const (
	childFiles = 50
	childSoft  = 777
	childHard  = 888
	childName  = "odd) (S 1 name"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

type childConfig struct{}

func (childConfig) Decode(any) error         { return nil }
func (childConfig) Redact() *redact.Redactor { return nil }
func (childConfig) Logger() *slog.Logger     { return slog.New(slog.DiscardHandler) }

// answer is what the child says of one file.
type answer struct {
	Text, Error string
}

// child prepares the process, then reads the name of a file a line and
// answers with its content, until its input ends.
func child() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: childSoft, Max: childHard}); err != nil {
		return err
	}
	for range childFiles {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return err
		}
		defer f.Close()
	}
	named := make(chan error)
	go func() {
		runtime.LockOSThread()
		name := append([]byte(childName), 0)
		const prSetName = 15
		if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, prSetName, uintptr(unsafe.Pointer(&name[0])), 0); errno != 0 {
			named <- errno
			return
		}
		named <- nil
		select {}
	}()
	if err := <-named; err != nil {
		return err
	}
	dir, _, err := Plugin.Open(childConfig{})
	if err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		if in.Text() == "setuid" {
			if err := syscall.Setuid(65532); err != nil {
				return err
			}
		}
		var a answer
		b, err := fs.ReadFile(nodes.FS(context.Background(), dir), in.Text())
		a.Text = string(b)
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return in.Err()
}

// running is a child and how to ask it.
type running struct {
	t       *testing.T
	pid     int
	dir     string
	started time.Time
	ask     func(name string) answer
}

// startChild starts a child that ends with the test.
func startChild(t *testing.T) *running {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-name", "two\nlines", "--db-password", "hunter2", "url=https://u:hunter2@h/")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), childEnv+"=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"), "DB_PASSWORD=hunter2", "COLOUR=blue")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the child: %v", err)
		}
	})
	answers := json.NewDecoder(stdout)
	return &running{t, cmd.Process.Pid, dir, started, func(name string) answer {
		t.Helper()
		if _, err := fmt.Fprintln(stdin, name); err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := answers.Decode(&a); err != nil {
			t.Fatal(err)
		}
		return a
	}}
}

// text returns a file of the child's, which must be readable.
func (r *running) text(name string) string {
	r.t.Helper()
	a := r.ask(name)
	if a.Error != "" {
		r.t.Errorf("%s: %s", name, a.Error)
	}
	return a.Text
}

func (r *running) json(name string, v any) {
	r.t.Helper()
	text := r.text(name + ".json")
	if err := json.Unmarshal([]byte(text), v); err != nil {
		r.t.Errorf("%s.json: %v in %s", name, err, text)
	}
}

// proc returns a path of the child's in /proc.
func (r *running) proc(path string) string { return fmt.Sprintf("/proc/%d/%s", r.pid, path) }

// TestChild compares what a process says of itself with what /proc says of it.
func TestChild(t *testing.T) {
	c := startChild(t)
	exe, err := os.Readlink(c.proc("exe"))
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"pid": strconv.Itoa(c.pid), "ppid": strconv.Itoa(os.Getpid()),
		"uid": strconv.Itoa(os.Getuid()), "euid": strconv.Itoa(os.Geteuid()), "gid": strconv.Itoa(os.Getgid()), "egid": strconv.Itoa(os.Getegid()),
		"cwd": c.dir, "executable": exe, "hostname": host,
		"argv": exe + "\n-name\ntwo\\nlines\n--db-password\n[redacted]\nurl=https://u:[redacted]@h/",
	} {
		if got := c.text(name); got != want+"\n" {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	env := slices.Collect(splitLines([]byte(c.text("environ"))))
	if !slices.Contains(env, "DB_PASSWORD=[redacted]") || !slices.Contains(env, "COLOUR=blue") {
		t.Errorf("environ = %q", env)
	}
	for _, name := range []string{"argv", "argv.json", "environ", "environ.json"} {
		if text := c.text(name); strings.Contains(text, "hunter2") {
			t.Errorf("%s shows a secret: %s", name, text)
		}
	}
}

func TestChildTimes(t *testing.T) {
	c := startChild(t)
	start, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(c.text("start")))
	if err != nil {
		t.Fatal(err)
	}
	// The kernel counts in ticks of 10 ms.
	if start.Before(c.started.Add(-20*time.Millisecond)) || start.After(time.Now().Add(20*time.Millisecond)) {
		t.Errorf("start = %v, want between %v and now", start, c.started)
	}
	if again := c.text("start"); strings.TrimSpace(again) != start.Format(time.RFC3339Nano) {
		t.Errorf("start was %v and is %s", start, again)
	}
	var up float64
	c.json("uptime", &up)
	if up < 0 || up > time.Since(c.started).Seconds()+0.02 {
		t.Errorf("uptime = %v s, want at most %v", up, time.Since(c.started))
	}
}

func TestChildLimits(t *testing.T) {
	c := startChild(t)
	var limits []struct {
		Limit            string
		Soft, Hard, Used *uint64
		Unit             string
	}
	c.json("limits", &limits)
	b, err := os.ReadFile(c.proc("limits"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(b), "\n") - 1; lines != len(limits) {
		t.Errorf("%d limits, want %d", len(limits), lines)
	}
	open, err := os.ReadDir(c.proc("fd"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range limits {
		if l.Limit != "open files" {
			continue
		}
		if l.Soft == nil || *l.Soft != childSoft || l.Hard == nil || *l.Hard != childHard || l.Unit != "files" {
			t.Errorf("open files: %+v, want %d and %d files", l, childSoft, childHard)
		}
		if l.Used == nil || *l.Used < childFiles || *l.Used > uint64(len(open)) {
			t.Errorf("open files: %v used, want %d to %d", l.Used, childFiles, len(open))
		}
		return
	}
	t.Errorf("no limit of open files in %+v", limits)
}

func TestChildThreads(t *testing.T) {
	c := startChild(t)
	var threads []thread
	c.json("threads", &threads)
	now, err := os.ReadDir(c.proc("task"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, e := range now {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	named := 0
	for _, th := range threads {
		if !slices.Contains(ids, th.TID) {
			t.Errorf("there is no thread %d among %v", th.TID, ids)
		}
		if th.Name == childName {
			named++
			// It is on its way to sleep, or there.
			if th.State != "sleeping" && th.State != "running" || th.Voluntary == nil || th.CPU >= runtime.NumCPU()+1024 {
				t.Errorf("the named thread: %+v", th)
			}
		}
	}
	if named != 1 {
		t.Errorf("%d threads are called %q, want 1, in %+v", named, childName, threads)
	}
	if lines := strings.Count(c.text("threads"), "\n"); lines < len(threads)+1 {
		t.Errorf("the table has %d lines, want a header and %d or more", lines, len(threads))
	}
}

func TestChildMemory(t *testing.T) {
	c := startChild(t)
	exe, err := os.Readlink(c.proc("exe"))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	c.json("memory", &m)
	size := func(name string) float64 { f, _ := m[name].(float64); return f }
	if size("rss") <= 0 || size("rss") != size("rss_anon")+size("rss_file")+size("rss_shmem") {
		t.Errorf("rss is not the sum of its parts: %v", m)
	}
	if size("rss_peak") < size("rss") || size("virtual") < size("rss") || size("go_held") <= 0 || size("go_objects") <= 0 {
		t.Errorf("memory = %v", m)
	}
	if text := c.text("memory"); !strings.HasPrefix(text, "# ") || !strings.Contains(text, "\nrss\t") {
		t.Errorf("memory as text: %s", text)
	}
	var u map[string]float64
	c.json("usage", &u)
	if u["maxrss"] <= 0 || u["minor_faults"] <= 0 || u["read_calls"] <= 0 {
		t.Errorf("usage = %v", u)
	}
	if maps := c.text("maps"); !strings.Contains(maps, "[stack]") || !strings.Contains(maps, exe) {
		t.Errorf("maps = %s", maps)
	}
	if smaps := c.text("smaps"); !strings.Contains(smaps, "Pss:") {
		t.Errorf("smaps = %s", smaps)
	}
}

// TestChildFDs compares the table of descriptors with the links in /proc.
func TestChildFDs(t *testing.T) {
	c := startChild(t)
	c.text("pid") // the child has said something: what it opens to talk is open
	var fds []descriptor
	c.json("fds", &fds)
	if len(fds) < childFiles+3 {
		t.Errorf("%d descriptors, want %d or more", len(fds), childFiles+3)
	}
	null := 0
	for _, d := range fds {
		target, err := os.Readlink(c.proc("fd/" + strconv.Itoa(d.FD)))
		if err != nil || target != string(d.Target) {
			t.Errorf("descriptor %+v, but /proc says %q, %v", d, target, err)
		}
		if d.Target == os.DevNull && d.Kind == "device" && d.Flags == "read" {
			null++
		}
		if strings.HasPrefix(target, "/proc/") {
			t.Errorf("the directory that is read is in the table: %+v", d)
		}
	}
	if null != childFiles {
		t.Errorf("%d descriptors of %s, want %d", null, os.DevNull, childFiles)
	}
}

// TestChildChangedUser asks a process that gave up its rights, and with them
// the access to parts of its own /proc.
func TestChildChangedUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can change its user")
	}
	c := startChild(t)
	if a := c.ask("setuid"); a.Error == "" {
		t.Fatalf("the child did not take the command: %+v", a)
	}
	if got := c.text("uid"); got != "65532\n" {
		t.Errorf("uid = %q", got)
	}
	for _, name := range []string{"limits", "fds", "threads", "memory", "usage", "start", "uptime", "cwd", "executable", "maps"} {
		a := c.ask(name)
		if a.Error != "" && !strings.Contains(a.Error, "/proc/self/") {
			t.Errorf("%s: the error does not say what cannot be read: %s", name, a.Error)
		}
		if a.Error == "" && a.Text == "" {
			t.Errorf("%s: neither a text nor an error", name)
		}
	}
	if text := c.text("usage"); !strings.Contains(text, "# input and output are not known: /proc/self/io cannot be read") {
		t.Errorf("usage does not say that /proc/self/io is closed:\n%s", text)
	}
}
