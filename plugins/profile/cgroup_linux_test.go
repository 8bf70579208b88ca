package profile

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ispyd/ispyd/internal/need"
)

// The group's limit, and what the child takes of it.
const (
	groupLimit = 512 << 20
	groupTaken = 256 << 20
)

// memoryGroup makes a control group with a limit of memory, of either version.
func memoryGroup(t *testing.T) (dir string) {
	t.Helper()
	var why []error
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		need.Skip(t, err.Error())
	}
	for line := range strings.Lines(string(own)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		mount, limit := "/sys/fs/cgroup", "memory.max"
		if len(parts) != 3 || parts[1] != "memory" && line[0] != '0' {
			continue
		}
		if parts[1] == "memory" {
			mount, limit = mount+"/memory", "memory.limit_in_bytes"
		}
		for _, parent := range []string{filepath.Join(mount, parts[2]), mount} {
			dir := filepath.Join(parent, "ispyd-test-"+strconv.Itoa(os.Getpid()))
			if err := os.Mkdir(dir, 0o755); err != nil {
				why = append(why, err)
				continue
			}
			err := os.WriteFile(filepath.Join(dir, limit), []byte(strconv.Itoa(groupLimit)), 0)
			if err == nil {
				t.Cleanup(func() {
					eventually(t, "the group can go", func() bool { return !errors.Is(os.Remove(dir), unix.EBUSY) })
				})
				return dir
			}
			why = append(why, err)
			os.Remove(dir)
		}
	}
	need.Skip(t, fmt.Sprintf("this machine lets no control group be made: %v", errors.Join(why...)))
	return ""
}

// cgroup.memory fires in a real control group.
func TestRealGroup(t *testing.T) {
	const key = "ISPYD_TEST_GROUP"
	if os.Getenv(key) != "" {
		inGroup(t)
		return
	}
	group := memoryGroup(t)
	child := exec.Command(os.Args[0], "-test.run=^TestRealGroup$", "-test.v")
	child.Env = append(os.Environ(), key+"=1")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	child.Stdout, child.Stderr = &out, &out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(child.Process.Pid)), 0); err != nil {
		t.Error(err)
	}
	fmt.Fprintln(stdin)
	stdin.Close()
	if err := child.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS: TestRealGroup") {
		t.Errorf("the child in %s: %v\n%s", group, err, &out)
	}
}

// inGroup is the child, which is in the group when it has read a line.
func inGroup(t *testing.T) {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	dir := tree(t, fast+"[[profile.when]]\nexpression = \"cgroup.memory over 45%\"\n")
	l := triggersOf(t, dir)
	if l[0].State != "armed" || l[0].Now == nil || *l[0].Now <= 0 || *l[0].Now > 45 {
		t.Fatalf("at first: %+v", l)
	}
	// Memory that neither the collector nor the race detector knows.
	b, err := unix.Mmap(-1, 0, groupTaken, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_POPULATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(b)
	eventually(t, "a capture", func() bool { return len(names(t, dir, "captures")) == 1 })
	before := *l[0].Now
	if l = triggersOf(t, dir); l[0].Hits != 1 || l[0].Now == nil || *l[0].Now < before+40 || *l[0].Now > 100 {
		t.Errorf("with %d of %d bytes more, after %v: %+v", groupTaken, groupLimit, before, l)
	}
	if s := read(t, dir, "captures/1/when"); !strings.Contains(s, "when\tcgroup.memory over 45%\n") {
		t.Errorf("when:\n%s", s)
	}
}
