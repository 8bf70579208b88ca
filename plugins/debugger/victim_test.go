package debugger_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var (
	victims  sync.Mutex
	binaries = map[string]string{} // by the flags of the build
	binDir   string
)

func TestMain(m *testing.M) {
	code := m.Run()
	if binDir != "" {
		os.RemoveAll(binDir)
	}
	os.Exit(code)
}

// binary builds testdata/victim, once for each way.
func binary(t testing.TB, flags ...string) string {
	t.Helper()
	victims.Lock()
	defer victims.Unlock()
	key := strings.Join(flags, " ")
	if bin := binaries[key]; bin != "" {
		return bin
	}
	if binDir == "" {
		dir, err := os.MkdirTemp("", "victim")
		if err != nil {
			t.Fatal(err)
		}
		binDir = dir
	}
	bin := filepath.Join(binDir, strconv.Itoa(len(binaries)))
	args := append([]string{"build", "-buildvcs=false", "-o", bin}, flags...)
	if out, err := exec.Command("go", append(args, "./testdata/victim")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	binaries[key] = bin
	return bin
}

// victim is a running one.
type victim struct {
	t      testing.TB
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

func start(t testing.TB, bin, conf string) *victim {
	t.Helper()
	v := &victim{t: t, cmd: exec.Command(bin, conf)}
	// While the collector marks, the text of an error that is returned is not known.
	v.cmd.Env = append(os.Environ(), "GOGC=off")
	v.cmd.Stderr = &v.stderr
	in, err := v.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	v.in, v.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		v.in.Close()
		v.cmd.Process.Kill()
		v.cmd.Wait()
	})
	return v
}

// do has it do something, and returns the answer.
func (v *victim) do(format string, args ...any) string {
	v.t.Helper()
	line := fmt.Sprintf(format, args...)
	if _, err := io.WriteString(v.in, line+"\n"); err != nil {
		v.t.Fatalf("%s: %v\n%s", line, err, &v.stderr)
	}
	text, err := v.out.ReadString('\n')
	if err != nil {
		v.t.Fatalf("%s: %v\n%s", line, err, &v.stderr)
	}
	answer, err := strconv.Unquote(strings.TrimSpace(text))
	if err != nil {
		v.t.Fatalf("%s: %v: %q", line, err, text)
	}
	return answer
}

func (v *victim) want(answer, format string, args ...any) {
	v.t.Helper()
	if got := v.do(format, args...); got != answer {
		v.t.Errorf("%s: %q, not %q", fmt.Sprintf(format, args...), got, answer)
	}
}

// await waits until a file has a text.
func (v *victim) await(file, text string) (got string) {
	v.t.Helper()
	await(v.t, fmt.Sprintf("%q in %s", text, file), func() bool {
		got = v.do("read %s", file)
		return strings.Contains(got, text)
	})
	return got
}

func TestErrors(t *testing.T) {
	needEngine(t)
	for name, flags := range map[string][]string{"exe": nil, "pie": {"-buildmode=pie"}, "unoptimised": {"-gcflags=all=-N -l"}} {
		t.Run(name, func(t *testing.T) {
			v := start(t, binary(t, flags...), on)
			v.want("ok", "ctl insert -error main.(*Shop).pay")
			v.want("70 <nil>", "pay 30")
			v.want("0 170 cents: too much", "pay 170")
			text := v.await("tracebacks/latest/traceback", "pay")
			if !strings.HasPrefix(text, "error: 170 cents: too much\n\ngoroutine ") || !strings.Contains(text, "main.(*Shop).pay(...)\n\t") || !strings.Contains(text, "\nmain.main(...)\n") {
				t.Errorf("the traceback is\n%s", text)
			}
			if got := v.do("read tracebacks/1/panic"); got != "type\t*fmt.wrapError\nvalue\t170 cents: too much\n" {
				t.Errorf("panic %q", got)
			}
			if got := v.do("read tracebacks/1/core"); !strings.HasPrefix(got, "\x7fELF") {
				t.Errorf("no core: %.100q", got)
			}
			v.want("ok", "crowd 20000")
			v.want("ok", "ctl off")
			v.want("0 <nil>", "verify")
			v.want("<nil>", "close")
			v.want("0 <nil>", "verify")
		})
	}
}

func TestObserve(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t), on)
	v.want("ok", "ctl observe main.(*Shop).pay count=2 for=1m if=error")
	v.want("70 <nil>", "pay 30")
	v.want("0 170 cents: too much", "pay 170")
	v.want("0 180 cents: too much", "pay 180")
	got := v.await("observed/main.(*Shop).pay", "180")
	for _, want := range []string{`"cents":"170"`, `"rest":"0"`, `"password":"[redacted]"`, `"error":"180 cents: too much"`, `\"corner shop\"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the records lack %s:\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 2 {
		t.Errorf("%d records:\n%s", n, got)
	}
	v.await("events", "remove\tmain.(*Shop).pay")
	v.want("0 <nil>", "verify")
	if got := v.do("read probes"); strings.Contains(got, "pay") {
		t.Errorf("it did not end by itself:\n%s", got)
	}
}

// Probes of the configuration are in from the start; one that cannot be is told of.
func TestConfigured(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t), on+"insert = [\"main.(*Shop).order\", \"-error main.(*Shop).pay\", \"-error main.nothing\"]\n")
	v.await("probes", "main.(*Shop).order\tpanic")
	v.await("probes", "main.(*Shop).pay\terror")
	v.await("status", `debugger.insert "-error main.nothing": there is no function`)
	v.want("0 170 cents: too much", "pay 170")
	v.await("tracebacks/1/panic", "170 cents")
	v.want("<nil>", "close")
	v.want("0 <nil>", "verify")
}

// Without debug information panics are caught, and probes on returns refused.
func TestStripped(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t, "-ldflags=-s -w", "-trimpath"), on)
	v.want("ok", "ctl insert main.(*Shop).order")
	v.want("runtime error: index out of range [7] with length 2", "order 7")
	if got := v.await("tracebacks/1/traceback", "order"); !strings.Contains(got, "main.(*Shop).order(") {
		t.Errorf("the traceback is\n%s", got)
	}
	if got := v.do("ctl insert -error main.(*Shop).pay"); !strings.Contains(got, "debug information") {
		t.Errorf("an error probe without debug information: %s", got)
	}
	v.want("<nil>", "close")
	v.want("0 <nil>", "verify")
}

// The traceback shows the arguments that can be known, as they were.
func TestValues(t *testing.T) {
	needEngine(t)
	v := start(t, binary(t, "-gcflags=-N -l"), on)
	v.want("ok", "ctl insert main.(*Shop).order")
	v.want("runtime error: index out of range [7] with length 2", "order 7")
	text := v.await("tracebacks/1/traceback", "order")
	for _, want := range []string{
		`s *main.Shop = &main.Shop{Items: []main.Item{{Name: "apple", Tags: []string{"red"}}, {Name: "bread", Tags: nil}}, Name: "corner shop"}`,
		`id int = 7`,
		`customer string = "Ada"`,
	} {
		if !strings.Contains(text, "\t    "+want+"\n") {
			t.Errorf("the traceback lacks %s:\n%s", want, text)
		}
	}
}

// A panic that ends the program is there when the next one starts.
func TestCrash(t *testing.T) {
	needEngine(t)
	dir := filepath.Join(t.TempDir(), "kept")
	conf := on + fmt.Sprintf("dir = %q\non-crash = true\n", dir)
	v := start(t, binary(t), conf)
	v.want("runtime error: index out of range [5] with length 2", "order 5")
	fmt.Fprintln(v.in, "die 9")
	if err := v.cmd.Wait(); err == nil || v.cmd.ProcessState.ExitCode() != 2 {
		t.Fatalf("it ended by %v", err)
	}
	if !strings.Contains(v.stderr.String(), "panic: runtime error: index out of range [9]") {
		t.Errorf("standard error: %s", &v.stderr)
	}
	next := start(t, binary(t), conf)
	text := next.do("read tracebacks/latest/traceback")
	if !strings.HasPrefix(text, "panic: runtime error: index out of range [9] with length 2") || !strings.Contains(text, "main.(*Shop).order(") {
		t.Errorf("the traceback is\n%s", text)
	}
	if got := next.do("read tracebacks/latest/summary"); !strings.Contains(got, "kind\tcrash\n") || !strings.Contains(got, fmt.Sprintf("pid\t%d\n", v.cmd.Process.Pid)) {
		t.Errorf("summary %q", got)
	}
	if got := next.do("read tracebacks/latest/core"); !strings.HasPrefix(got, "\x7fELF") {
		t.Errorf("no core: %.100q", got)
	}
	if got := next.do("list tracebacks"); got != "1" {
		t.Errorf("tracebacks %s", got)
	}
	// With a probe on it there is one traceback all the same, and without the engine's
	// hook the text tells what it can.
	next.want("ok", "ctl discard all")
	next.want("ok", "ctl insert main.*")
	fmt.Fprintln(next.in, "die 8")
	next.cmd.Wait()
	next = start(t, binary(t), conf)
	if got := next.do("list tracebacks"); len(strings.Fields(got)) != 1 {
		t.Errorf("tracebacks %s", got)
	}
	if got := next.do("read tracebacks/latest/summary"); !strings.Contains(got, "kind\tcrash\n") || !strings.Contains(got, "main.*") {
		t.Errorf("summary %q", got)
	}
	next.want("ok", "ctl discard all")
	next.want("ok", "ctl off")
	fmt.Fprintln(next.in, "die 7")
	next.cmd.Wait()
	next = start(t, binary(t), conf)
	got := next.do("read tracebacks/latest/summary")
	for _, want := range []string{"function\tmain.(*Shop).order\n", "main.go:", "type\truntime.Error\n", "value\truntime error: index out of range [7] with length 2"} {
		if !strings.Contains(got, want) {
			t.Errorf("the summary lacks %q: %s", want, got)
		}
	}
	next.want("ok", "ctl discard latest")
	next.want("<nil>", "close")
	left, err := os.ReadDir(dir)
	// A program may die while it writes another one, which goes with its age.
	left = slices.DeleteFunc(left, func(x os.DirEntry) bool { return strings.HasPrefix(x.Name(), ".unfinished-") })
	if err != nil || len(left) != 0 {
		t.Errorf("left in the directory: %v %v", left, err)
	}
}

func TestDisk(t *testing.T) {
	needEngine(t)
	dir := filepath.Join(t.TempDir(), "kept")
	conf := on + fmt.Sprintf("dir = %q\ninsert = [\"%s\"]\ntracebacks = 2\n", dir, order)
	tr := opened(t, conf)
	for i := range 3 {
		caught(func() { newShop().order(7+i, "Ada") })
	}
	tr.awaitFile("tracebacks/3/panic", "[9]")
	tr.close()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v %v", info.Mode(), err)
	}
	tr = opened(t, conf)
	if got := strings.Join(tr.list("tracebacks"), " "); got != "2 3" {
		t.Errorf("tracebacks %s", got)
	}
	if got := tr.read("tracebacks/latest/traceback"); !strings.Contains(got, "[9]") {
		t.Errorf("the traceback is %s", got)
	}
	if got := tr.read("tracebacks/3/core"); !strings.HasPrefix(got, "\x7fELF") {
		t.Errorf("no core: %.100q", got)
	}
	tr.must("discard 2")
	if _, err := os.Stat(filepath.Join(dir, "2")); !os.IsNotExist(err) {
		t.Errorf("discarded, but there: %v", err)
	}
	tr.close()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tr = opened(t, conf)
	caught(func() { newShop().order(7, "Ada") })
	tr.awaitFile("events", "that nobody else can look into")
}
