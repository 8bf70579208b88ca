//go:build linux

package ispyd_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// containerUID is the user of the program in the container: distroless'
// "nonroot".
const containerUID = 65532

// The conditions of a container: pid 1 in namespaces of its own, a read-only
// root with nothing but the program in it, a user who is not root, no
// capabilities, no /dev/fuse, a system call filter like Docker's, and a volume
// for the socket that everybody can write.
func TestContainer(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := socketDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sample, ispy := goBuild(t, dir, "sample", "./testdata/sample"), goBuild(t, dir, "ispy", "./cmd/ispy")
	image, volume := filepath.Join(dir, "image"), filepath.Join(dir, "volume")
	for _, d := range []string{image, image + "/proc", image + "/vol", image + "/etc", volume} {
		must(t, os.Mkdir(d, 0o755))
	}
	must(t, os.Chmod(volume, 0o777))
	must(t, os.Link(sample, image+"/sample"))
	must(t, os.WriteFile(image+"/etc/ispyd.toml", []byte("[ispyd]\nlisten = \"/vol/ispyd/%(hostname)s.%(pid)s.sock\"\n"), 0o644))
	inVolume := filepath.Join(dir, "volume.toml")
	must(t, os.WriteFile(inVolume, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n", volume+"/ispyd/%(hostname)s.%(pid)s.sock"), 0o644))

	pid, output := startContainer(t, image, volume)
	sock := filepath.Join(volume, "ispyd", "pod.1.sock")
	waitFor(t, "the socket "+sock, func() bool {
		st, err := os.Lstat(sock)
		return err == nil && st.Mode()&os.ModeSocket != 0
	}, output)

	run := func(uid uint32, args ...string) (string, int) {
		var out bytes.Buffer
		cmd := exec.Command(ispy, args...)
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.Dir = "/"
		if uid != 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		}
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return out.String(), cmd.ProcessState.ExitCode()
	}
	root := "/proc/" + strconv.Itoa(pid) + "/root"
	script := "connect; cat process/pid process/uid runtime/numcpu; ls -l process; cat runtime/stacks"
	for _, c := range []struct {
		name string
		uid  uint32
		args []string
	}{
		{"root, through the container's root", 0, []string{"-root", root, "-c", script, root + "/etc/ispyd.toml"}},
		{"root, through the volume", 0, []string{"-c", script, inVolume}},
		{"the same user, through the volume", containerUID, []string{"-c", script, inVolume}},
		{"the same user, by the pid there", containerUID, []string{"-p", "1", "-c", strings.TrimPrefix(script, "connect; "), inVolume}},
		{"the same user, by the socket", containerUID, []string{"-c", script, sock}},
	} {
		out, code := run(c.uid, c.args...)
		if code != 0 || !strings.Contains(out, fmt.Sprintf("1\n%d\n", containerUID)) || !strings.Contains(out, "goroutine") {
			t.Errorf("%s: exit code %d\n%s", c.name, code, out)
		}
	}
	// The volume's directory keeps another user out; so does the kernel's
	// word on who he is, where the directory does not.
	if out, code := run(containerUID+1, "-c", "connect; cat process/pid", sock); code != 4 || strings.Contains(out, "\n1\n") {
		t.Errorf("another user, by the directory: exit code %d, want 4\n%s", code, out)
	}
	must(t, os.Chmod(filepath.Dir(sock), 0o777))
	must(t, os.Chmod(sock, 0o777))
	if out, code := run(containerUID+1, "-p", strconv.Itoa(pid), "-c", "cat process/pid", sock); code != 4 || !strings.Contains(out, "neither yours") {
		t.Errorf("another user, by who he is: exit code %d, want 4\n%s", code, out)
	}
	if out, code := run(0, "-c", "connect; cat process/pid", sock); code != 0 {
		t.Errorf("afterwards: exit code %d\n%s", code, out)
	}
}

// startContainer runs /sample of the image and returns its pid outside.
func startContainer(t *testing.T, image, volume string) (int, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	script := fmt.Sprintf(`set -eu
hostname pod 2>/dev/null || busybox hostname pod
mount --bind %[1]s %[1]s
mount --bind %[2]s %[1]s/vol
mount -t proc proc %[1]s/proc
mount -o remount,bind,ro %[1]s
exec %[3]s chroot --userspec=%[4]d:%[4]d %[1]s /sample -config /etc/ispyd.toml -http 127.0.0.1:0
`, image, volume, self, containerUID)
	output := new(bytes.Buffer)
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", seccompVariable + "=1"}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = 10 * time.Second // should the program live on
	must(t, cmd.Start())
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	var pid int
	t.Cleanup(func() {
		// The program has changed its user, so that it does not end with
		// its parent. It is pid 1: all of the container ends with it.
		if pid > 0 {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		cmd.Process.Kill()
		<-exited
		if t.Failed() {
			t.Logf("the container said:\n%s", output)
		}
	})
	children := fmt.Sprintf("/proc/%d/task/%d/children", cmd.Process.Pid, cmd.Process.Pid)
	waitFor(t, "the container", func() bool {
		b, _ := os.ReadFile(children)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return pid > 0
	}, output)
	return pid, output
}

// waitFor polls for what happens in another process.
func waitFor(t *testing.T, what string, happened func() bool, output fmt.Stringer) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !happened(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s\n%s", what, output)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// goBuild builds a static binary, without the race detector.
func goBuild(t testing.TB, dir, name, pkg string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-o", file, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return file
}

// seccompVariable makes the test binary install the filter and run its
// arguments instead of tests.
const seccompVariable = "ISPYD_TEST_SECCOMP"

// denied are the system calls that Docker's default profile refuses a container
// without capabilities (docs.docker.com/engine/security/seccomp), as far as they
// exist on this platform.
var denied = []uint32{
	unix.SYS_ACCT, unix.SYS_ADD_KEY, unix.SYS_BPF, unix.SYS_CLOCK_ADJTIME, unix.SYS_CLOCK_SETTIME,
	unix.SYS_DELETE_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_GET_MEMPOLICY, unix.SYS_INIT_MODULE,
	unix.SYS_KCMP, unix.SYS_KEXEC_LOAD, unix.SYS_KEYCTL, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_MBIND,
	unix.SYS_MOUNT, unix.SYS_MOVE_PAGES, unix.SYS_NFSSERVCTL, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_PERF_EVENT_OPEN, unix.SYS_PERSONALITY, unix.SYS_PIVOT_ROOT, unix.SYS_PROCESS_VM_READV,
	unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PTRACE, unix.SYS_QUOTACTL, unix.SYS_REBOOT, unix.SYS_REQUEST_KEY,
	unix.SYS_SET_MEMPOLICY, unix.SYS_SETNS, unix.SYS_SETTIMEOFDAY, unix.SYS_SWAPON, unix.SYS_SWAPOFF,
	unix.SYS_UMOUNT2, unix.SYS_UNSHARE, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP,
	unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
}

// confine installs the filter and becomes the program that args name.
func confine(args []string) error {
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}} // the system call's number
	for _, nr := range denied {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 0, Jf: 1, K: nr},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)})
	}
	filter = append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))); e != 0 {
		return e
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	return unix.Exec(path, args, []string{"PATH=/bin", "HOSTNAME=pod"})
}

func TestMain(m *testing.M) {
	if os.Getenv(seccompVariable) != "" {
		fmt.Fprintln(os.Stderr, confine(os.Args[1:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}
