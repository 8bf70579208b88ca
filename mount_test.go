//go:build linux

package ispyd_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ispyd/ispyd/internal/need"
)

// mountPatience only bounds the failure of a script.
const mountPatience = 2 * time.Minute

// TestMountScripts runs testdata/script/mount: what somebody finds out about
// testdata/sample who has nothing but a mount and the tools of his machine. Beside
// those of testscript there are the commands
//
//	sample            start testdata/sample
//	end               end the sample
//	ispy SCRIPT       run a script of ispy in it
//	mount             mount it; its directory is $P
//	ask NAME PATH     ask it for a page, in the background
//	answer NAME       wait for the answer, status and body, in stdout
//	await FILE RE     read a file of the mount until a line of it matches
//	getid NAME        set a variable to the number that stdout is
func TestMountScripts(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/fuse"); err != nil {
		need.Skip(t, err.Error())
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", bin+"/", "./cmd/ispy", "./cmd/ispymount", "./testdata/sample")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	dirs := strings.Split(string(caches), "\n")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script/mount",
		Setup: func(env *testscript.Env) error {
			env.Setenv("BIN", bin)
			env.Setenv("PATH", bin+":"+filepath.Join(dirs[2], "bin")+":"+env.Getenv("PATH"))
			// go tool builds the tools that it has not got.
			env.Setenv("GOCACHE", dirs[0])
			env.Setenv("GOMODCACHE", dirs[1])
			env.Setenv("ISPYD", "")
			env.Setenv("PPROF_TMPDIR", env.WorkDir)
			sockets, err := os.MkdirTemp("", "x") // the path of a socket is short
			if err != nil {
				return err
			}
			env.Defer(func() { os.RemoveAll(sockets) })
			env.Values["answers"] = map[string]chan string{}
			return os.WriteFile(filepath.Join(env.WorkDir, "ispyd.toml"), fmt.Appendf(nil, "[ispyd]\nlisten = %q\n[debugger]\nenabled = true\n[globals]\nenabled = true\nwrite = true\n", filepath.Join(sockets, "%(pid)s.sock")), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sample": scriptSample,
			"end":    scriptEnd,
			"ispy":   scriptIspy,
			"mount":  scriptMount,
			"ask":    scriptAsk,
			"answer": scriptAnswer,
			"await":  scriptAwait,
			"getid":  scriptID,
		},
	})
}

// daemon starts a program that ends with the script, and returns the rest of the
// first line of its output that begins with the prefix.
func daemon(ts *testscript.TestScript, prefix, name string, args ...string) (line string, pid int) {
	cmd := exec.Command(filepath.Join(ts.Getenv("BIN"), name), args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "ISPYD=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(mountPatience, func() { cmd.Process.Kill() })
		defer kill.Stop()
		io.Copy(io.Discard, out)
		err := cmd.Wait()
		log.Close()
		if err != nil {
			text, _ := os.ReadFile(log.Name())
			ts.Logf("%s: %v\n%s", name, err, text)
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), prefix); ok {
			return rest, cmd.Process.Pid
		}
	}
	text, _ := os.ReadFile(log.Name())
	ts.Fatalf("%s does not say %q:\n%s", name, prefix, text)
	return "", 0
}

func noArgs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("takes no arguments, and no !")
	}
}

func scriptSample(ts *testscript.TestScript, neg bool, args []string) {
	noArgs(ts, neg, args)
	url, pid := daemon(ts, "listening on ", "sample", "-config", "ispyd.toml", "-http", "localhost:0")
	ts.Setenv("URL", url)
	ts.Setenv("P", filepath.Join(ts.MkAbs("mnt"), strconv.Itoa(pid)))
	ts.Setenv("PID", strconv.Itoa(pid))
}

// scriptEnd ends the sample, whose own Defer waits for it.
func scriptEnd(ts *testscript.TestScript, neg bool, args []string) {
	noArgs(ts, neg, args)
	pid, err := strconv.Atoi(ts.Getenv("PID"))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, syscall.SIGTERM))
}

func scriptIspy(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] ispy SCRIPT")
	}
	err := ts.Exec(filepath.Join(ts.Getenv("BIN"), "ispy"), "-p", ts.Getenv("PID"), "-c", args[0], "ispyd.toml")
	if neg == (err == nil) {
		ts.Fatalf("ispy -c %q: %v", args[0], err)
	}
}

func scriptMount(ts *testscript.TestScript, neg bool, args []string) {
	noArgs(ts, neg, args)
	daemon(ts, "mounted at ", "ispymount", "ispyd.toml", ts.MkAbs("mnt"))
}

func scriptAsk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ask NAME PATH")
	}
	answer := make(chan string, 1)
	ts.Value("answers").(map[string]chan string)[args[0]] = answer
	ctx, cancel := context.WithTimeout(context.Background(), mountPatience)
	ts.Defer(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ts.Getenv("URL")+args[1], nil)
	ts.Check(err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		res, err := client.Do(req)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			body = append(body, err.Error()...)
		}
		answer <- fmt.Sprintf("%d %s", res.StatusCode, body)
	}()
}

func scriptAnswer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answer NAME")
	}
	fmt.Fprint(ts.Stdout(), <-ts.Value("answers").(map[string]chan string)[args[0]])
}

// scriptAwait reads by cat, since the process of a test must not look into a mount
// that may hang.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE RE")
	}
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), mountPatience)
	defer cancel()
	for {
		text, err := exec.CommandContext(ctx, "cat", filepath.Join(ts.Getenv("P"), args[0])).CombinedOutput()
		if ctx.Err() != nil {
			ts.Fatalf("%s never shows %q: %v\n%s", args[0], args[1], err, text)
		}
		if err == nil && want.Match(text) {
			return
		}
	}
}

func scriptID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: getid NAME")
	}
	id := strings.TrimSpace(ts.ReadFile("stdout"))
	if _, err := strconv.ParseUint(id, 10, 64); err != nil {
		ts.Fatalf("%v", err)
	}
	ts.Setenv(args[0], id)
}
