package procstate

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeTree writes files beneath a new directory: a path, a NUL-free text.
func fakeTree(t *testing.T, files map[string]string) Reader {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Reader{Proc: filepath.Join(dir, "proc"), Cgroup: filepath.Join(dir, "cgroup")}
}

// stat is a line of /proc/PID/stat as proc(5) has it, exit being its last field.
func stat(pid int, comm, state string, ticks, exit int) string {
	return fmt.Sprintf("%d (%s) %s 1 1 1 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 1 0 %d 3133440 390 %s%d\n",
		pid, comm, state, ticks, strings.Repeat("0 ", 27), exit)
}

func TestRead(t *testing.T) {
	boot := "cpu 1 2 3\nbtime 1700000000\n"
	for _, tt := range []struct {
		name   string
		files  map[string]string
		want   string
		halted bool
	}{
		{"running", map[string]string{"proc/7/stat": stat(7, "app", "R", 100, 0)}, "running", false},
		{"sleeping", map[string]string{"proc/7/stat": stat(7, "a) (b", "S", 100, 0)}, "running", false},
		{"stopped", map[string]string{"proc/7/stat": stat(7, "app", "T", 100, 20)}, "stopped (SIGTSTP)", true},
		{"stopped, not ours", map[string]string{"proc/7/stat": stat(7, "app", "T", 100, 0)}, "stopped", true},
		{"traced", map[string]string{"proc/7/stat": stat(7, "app", "S", 100, 0), "proc/7/status": "Name:\tapp\nTracerPid:\t12\n"}, "running, traced by 12", false},
		{"stopped by its tracer", map[string]string{"proc/7/stat": stat(7, "app", "t", 100, 5), "proc/7/status": "TracerPid:\t12\n"}, "stopped by its tracer 12", true},
		{"zombie", map[string]string{"proc/7/stat": stat(7, "app", "Z", 100, 0)}, "dead, a zombie", true},
		{"one thread in D", map[string]string{
			"proc/7/stat": stat(7, "app", "D", 100, 0), "proc/7/task/7/stat": stat(7, "app", "D", 100, 0), "proc/7/task/8/stat": stat(8, "app", "S", 100, 0),
		}, "running, 1 of 2 threads waiting in the kernel (D)", false},
		{"D", map[string]string{
			"proc/7/stat": stat(7, "app", "D", 100, 0), "proc/7/task/7/stat": stat(7, "app", "D", 100, 0),
		}, "waiting in the kernel (D)", false},
		{"frozen", map[string]string{
			"proc/7/stat": stat(7, "app", "S", 100, 0), "proc/7/cgroup": "0::/a/b\n", "cgroup/a/b/cgroup.events": "populated 1\nfrozen 1\n",
		}, "frozen (its cgroup)", true},
		{"frozen above", map[string]string{
			"proc/7/stat": stat(7, "app", "S", 100, 0), "proc/7/cgroup": "0::/a/b\n", "cgroup/a/cgroup.events": "frozen 1\n", "cgroup/a/b/cgroup.events": "frozen 0\n",
		}, "frozen (its cgroup)", true},
		{"frozen, v1", map[string]string{
			"proc/7/stat": stat(7, "app", "S", 100, 0), "proc/7/cgroup": "6:freezer:/x\n0::/\n", "cgroup/freezer/x/freezer.state": "FROZEN\n",
		}, "frozen (its cgroup)", true},
		{"frozen and stopped", map[string]string{
			"proc/7/stat": stat(7, "app", "T", 100, 19), "proc/7/cgroup": "0::/x\n", "cgroup/x/cgroup.events": "frozen 1\n",
		}, "frozen (its cgroup), stopped (SIGSTOP)", true},
		{"thawed", map[string]string{
			"proc/7/stat": stat(7, "app", "S", 100, 0), "proc/7/cgroup": "0::/../x\n", "cgroup/x/cgroup.events": "frozen 0\n",
		}, "running", false},
	} {
		tt.files["proc/stat"] = boot
		s, ok := fakeTree(t, tt.files).Read(7)
		if !ok || s.String() != tt.want || s.Halted() != tt.halted {
			t.Errorf("%s: %q %v, halted %v, want %q, %v", tt.name, s, ok, s.Halted(), tt.want, tt.halted)
		}
		if want := time.Unix(1700000001, 0); !s.Started.Equal(want) {
			t.Errorf("%s: started at %v, want %v", tt.name, s.Started, want)
		}
	}
}

func TestCommand(t *testing.T) {
	r := fakeTree(t, map[string]string{"proc/7/stat": stat(7, "a) (b", "S", 1, 0)})
	if s, _ := r.Read(7); s.Command != "a) (b" || !s.Started.IsZero() {
		t.Errorf("%+v", s)
	}
	if err := os.Symlink("/srv/web app (deleted)", filepath.Join(r.Proc, "7/exe")); err != nil {
		t.Fatal(err)
	}
	if s, _ := r.Read(7); s.Command != "web app" {
		t.Errorf("command %q", s.Command)
	}
}

// What is not there, or makes no sense, is not known.
func TestUnknown(t *testing.T) {
	r := fakeTree(t, map[string]string{
		"proc/1/stat": "", "proc/2/stat": "2 (x", "proc/3/stat": "3 )x(", "proc/4/stat": "4 (x)",
		"proc/5/stat": "5 (x) S", "proc/5/cgroup": "junk\n1:\n0::/gone\n",
	})
	for pid := -1; pid <= 4; pid++ {
		if s, ok := r.Read(pid); ok || s.String() != "" {
			t.Errorf("pid %d: %+v", pid, s)
		}
	}
	if s, ok := r.Read(5); !ok || s.String() != "running" {
		t.Errorf("a short line: %+v, %v", s, ok)
	}
	if s, ok := (Reader{Proc: "/nonexistent", Cgroup: "/nonexistent"}).Read(os.Getpid()); ok {
		t.Errorf("without /proc: %+v", s)
	}
}

func TestThrottled(t *testing.T) {
	r := fakeTree(t, map[string]string{
		"proc/1/cgroup":                  "0::/rises/below\n",
		"proc/2/cgroup":                  "0::/rose\n",
		"proc/3/cgroup":                  "4:cpu,cpuacct:/v1\n",
		"proc/4/cgroup":                  "0::/never\n",
		"cgroup/rises/cpu.stat":          "nr_periods 20\nnr_throttled 3\n",
		"cgroup/rose/cpu.stat":           "nr_throttled 17\n",
		"cgroup/never/cpu.stat":          "nr_throttled 0\n",
		"cgroup/cpu,cpuacct/v1/cpu.stat": "nr_throttled 4\n",
	})
	got := r.rising([]int{1, 2, 3, 4, 5}, func() {
		for _, name := range []string{"rises", "cpu,cpuacct/v1"} {
			if err := os.WriteFile(filepath.Join(r.Cgroup, name, "cpu.stat"), []byte("nr_throttled 5\n"), 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	if !got[1] || got[2] || !got[3] || len(got) != 2 {
		t.Errorf("throttled: %v", got)
	}
	r.rising([]int{4, 5}, func() { t.Error("waited for processes that were never throttled") })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got := r.Throttled(ctx, []int{2}); len(got) != 0 {
		t.Errorf("throttled: %v", got)
	}
}

// A real process, stopped by a real signal.
func TestStopped(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc is of Linux")
	}
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	pid := cmd.Process.Pid
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("wait: %v %v", status, err)
	}
	s, ok := System.Read(pid)
	if !ok || s.Code != 'T' || !s.Halted() || !strings.HasPrefix(s.String(), "stopped") || s.Command == "" {
		t.Errorf("%+v %v %q", s, ok, s)
	}
	if s.Signal != "" && s.Signal != "SIGSTOP" {
		t.Errorf("stopped by %s", s.Signal)
	}
	if age := time.Since(s.Started); age < -time.Minute || age > 10*time.Minute {
		t.Errorf("started %v ago", age)
	}
	if self, ok := System.Read(os.Getpid()); !ok || self.Halted() || self.Threads == 0 {
		t.Errorf("ourselves: %+v, %v", self, ok)
	}
}
