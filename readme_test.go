package ispyd_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/internal/need"
)

// fences returns the fenced blocks of README in the language.
func fences(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllSubmatch(text, -1) {
		blocks = append(blocks, string(m[1]))
	}
	if len(blocks) == 0 {
		t.Fatalf("README has no %s", language)
	}
	return blocks
}

// What README shows of Go compiles.
func TestReadmeGo(t *testing.T) {
	for i, block := range fences(t, "go") {
		program(t, fmt.Sprintf("readme%d", i), block)
	}
}

// What README shows of configuration is one, key by key.
func TestReadmeConfig(t *testing.T) {
	dir := socketDir(t)
	for _, block := range fences(t, "toml") {
		text := strings.ReplaceAll(block, "/tmp/ispyd", dir)
		if !strings.Contains(text, "[ispyd]\n") {
			text = fmt.Sprintf("[ispyd]\nlisten = %q\n", filepath.Join(dir, "%(pid)s.sock")) + text
		}
		srv, err := ispyd.New(ispyd.Options{Config: text})
		if err != nil {
			t.Errorf("%v in\n%s", err, block)
		}
		srv.Close()
	}
}

// Every command of README runs, in its order, on a copy of the repository, in
// namespaces of its own: what it starts ends with it, and /tmp is its own.
func TestReadmeCommands(t *testing.T) {
	needRoot(t)
	t.Parallel()
	repo := copyRepository(t)
	script := isolatedCopy(repo)
	background := 0
	for _, block := range fences(t, "sh") {
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			script += fmt.Sprintf("echo %s\n", quote("$ "+line))
			command, isBackground := strings.CutSuffix(line, " &")
			if !isBackground {
				script += line + "\n"
				continue
			}
			// A reader types the next line after he has seen this one's
			// answer.
			background++
			log := fmt.Sprintf("/tmp/background%d", background)
			script += fmt.Sprintf("%s >%s 2>&1 &\nuntil [ -s %s ]; do kill -0 $! && sleep 0.1; done\ncat %s\n", command, log, log, log)
		}
	}
	text := runIsolated(t, script)
	for _, want := range []string{
		"listening on http://",
		"unknown verb (near: gc)",
		"goroutine 1 [",
		runtime.Version(),
		"runtime/goroutines\ttext\t",
		"settings/gogc\t50",
		"[sync.Mutex.Lock",
		"got the mutex after",
		"cancelled by operator",
		"Type: inuse_space",
		"over 500ms",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the commands of README do not show %q:\n%s", want, text)
		}
	}
}

// make demo ends with 0, also where there is no FUSE, and leaves nothing behind.
func TestDemo(t *testing.T) {
	needRoot(t)
	for _, c := range []struct{ name, prepare, want string }{
		{"mount", "", "# One program dies"},
		{"nofuse", "mount -t tmpfs none /dev\nmknod -m 666 /dev/null c 1 3\n", "# No FUSE here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			script := isolatedCopy(copyRepository(t)) + c.prepare +
				"make -s demo\n" +
				"test -z \"$(ls -A /tmp)\" || { ls -lA /tmp; echo left behind; exit 1; }\n" +
				"! grep ispy /proc/mounts\n" +
				"! pgrep -x 'sample|ispymount' || { echo still running; exit 1; }\n"
			text := runIsolated(t, script)
			if !strings.Contains(text, c.want) || !strings.Contains(text, "nothing is left behind") {
				t.Errorf("the demo does not show %q:\n%s", c.want, text)
			}
		})
	}
}

// isolatedCopy goes to a copy of the repository and hides the real /tmp.
func isolatedCopy(repo string) string {
	return "set -eu\nmount --bind " + repo + " /mnt\nmount -t tmpfs none /tmp\ncd /mnt\n"
}

// runIsolated runs a shell script in mount, pid and network namespaces of its
// own and returns what it printed.
func runIsolated(t *testing.T, script string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--net",
		"sh", "-c", "busybox ip link set lo up\n"+script)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "ISPYD=")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	return out.String()
}

func copyRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", `{ git ls-files -co --exclude-standard 2>/dev/null || find . -type f -not -path './.git/*'; } | tar -cf - -T - | tar -xf - -C "$1"`, "sh", dir)
	cmd.Stderr = &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	return dir
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// needRoot skips a test that makes namespaces and mounts, except where nothing
// may be skipped.
func needRoot(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		return
	}
	need.Skip(t, "needs root on Linux, for namespaces and mounts")
}
