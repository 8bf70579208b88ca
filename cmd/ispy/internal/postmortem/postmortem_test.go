package postmortem

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

const subjectDir = "../../../../internal/minicore/testdata/subject"

// builds are the ways that the subject is built.
var builds = map[string][]string{
	"exe":   nil,
	"pie":   {"-buildmode=pie"},
	"noopt": {"-gcflags=github.com/ispyd/ispyd/...=-N -l"},
	"trim":  {"-trimpath"},
	"bare":  {"-ldflags=-s -w"},
	"grown": {"-gcflags=all=-N -l"},
}

// dirs are where programs are that are not the subject.
var dirs = map[string]string{"grown": "../../../../internal/probes/panics/testdata/grown"}

var built struct {
	dir  string
	mu   sync.Mutex
	done map[string]error
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "postmortem")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.dir, built.done = dir, map[string]error{}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// subject is the subject in one of the builds.
func subject(t testing.TB, build string) string {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	exe := filepath.Join(built.dir, build)
	err, ok := built.done[build]
	if !ok {
		var out []byte
		dir := subjectDir
		if other, ok := dirs[build]; ok {
			dir = other
		}
		cmd := exec.Command("go", append(append([]string{"build", "-o", exe}, builds[build]...), dir)...)
		if out, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		built.done[build] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// captured is a core of a program that has ended in some way.
func captured(t testing.TB, exe, kind string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "core")
	if out, err := exec.Command(exe, file, kind).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", kind, err, out)
	}
	return file
}

// debug runs the verb as the shell does, and returns what it prints.
func debug(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	s := space.New(nil, 0)
	defer s.Close()
	var out, errs bytes.Buffer
	c := &verb.Call{Dir: "/", Space: s, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs}
	v := Verbs()[0]
	code = v.Do(context.Background(), c, args)
	return out.String(), errs.String(), code
}

// A core of each kind of panic, and of an error's return, of each build, is
// opened and says what the variables were.
func TestKinds(t *testing.T) {
	kinds := []struct {
		kind, value, frame string
		up                 string // frames from the innermost one to main.order
	}{
		{"string", `"no order for bob"`, "main.init.func1", "1"},
		{"error", `s: "broken"`, "main.init.func2", "1"},
		{"custom", `Code: 404`, "main.init.func3", "1"},
		{"nil", "invalid memory address or nil pointer dereference", "main.(*item).size", "2"},
		{"index", "x: 12", "main.init.func5", "1"},
		{"slice", "x: 12", "main.init.func6", "1"},
		{"divide", "divide by zero", "main.init.func7", "1"},
		{"assertion", "TypeAssertionError", "main.init.func8", "1"},
		{"nilmap", "assignment to entry in nil map", "main.init.func9", "1"},
		{"closed", "close of closed channel", "main.init.func10", "1"},
		{"nilpanic", "PanicNilError", "main.init.func11", "1"},
		{"copy", "no such order for bob", "main.fail", "2"},
	}
	for _, build := range []string{"exe", "pie", "noopt", "trim"} {
		t.Run(build, func(t *testing.T) {
			exe := subject(t, build)
			for _, k := range kinds {
				t.Run(k.kind, func(t *testing.T) {
					commands := "panic; bt; up " + k.up + "; p s.store.items[2].Tags; p user; p id*10; p len(s.store.byName); p s.store.byName[\"i1\"].Name; p main.total; p s.any; p before"
					out, errs, code := debug(t, "-c", commands, "local:"+captured(t, exe, k.kind))
					if code != 0 {
						t.Errorf("exit code %d: %s", code, errs)
					}
					for _, want := range []string{k.value, "> 0  " + k.frame, `["red","blue"]`, "\n\"bob\"\n", "\n20\n", "\n2\n", "\n\"i1\"\n", "\n4711\n", "[]string", "\n41\n"} {
						if !strings.Contains(out, want) {
							t.Errorf("not %s in\n%s%s", want, out, errs)
						}
					}
				})
			}
		})
	}
}

// Where nothing is optimised away, the innermost frame's own variables are there.
func TestUnoptimised(t *testing.T) {
	out, errs, code := debug(t, "-c", "args; locals; up 2; locals; list", "local:"+captured(t, subject(t, "noopt"), "copy"))
	if code != 0 || strings.Contains(out, optimisedOut) || errs != "" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	for _, want := range []string{"s = *main.server {", `user = "bob"`, "id = 2", `note = []string len: 2, cap: 2, ["red","bob"]`, `local = []string len: 3, cap: 3, ["a","bob","i1"]`, "->    "} {
		if !strings.Contains(out, want) {
			t.Errorf("not %s in\n%s", want, out)
		}
	}
}

// A stack that has grown in the hook leaves pointers behind in the variables that
// are not used after the panic: they are where they were.
func TestGrown(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("panics are hooked on linux/amd64 alone")
	}
	out, errs, code := debug(t, "-c", `args; p names; p len(m); p m["o"].Customer; p m`, "local:"+captured(t, subject(t, "grown"), ""))
	if code != 0 || errs != "" {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	for _, want := range []string{"o = *main.order {", `["a","bob"]`, "\n1\n", "\n\"bob\"\n", `"o": *{`} {
		if !strings.Contains(out, want) {
			t.Errorf("not %s in\n%s", want, out)
		}
	}
}

// What was in a register is gone: not even an expression has a value for it.
func TestOptimisedOut(t *testing.T) {
	for _, build := range []string{"exe", "pie"} {
		core := captured(t, subject(t, build), "string")
		out, errs, code := debug(t, "-c", "args; p user; p id; whatis user", "local:"+core)
		if code != 0 || strings.Count(out, optimisedOut) != 5 || !strings.HasSuffix(out, "string\n") {
			t.Errorf("%s: exit code %d\n%s%s", build, code, out, errs)
		}
		if strings.Count(errs, "-N -l") != 1 || !strings.Contains(errs, "github.com/ispyd/ispyd/...") {
			t.Errorf("%s: how to build is said so: %s", build, errs)
		}
		for _, expr := range []string{"id+1", "len(user)", "s.hits", "s.store.items[id]"} {
			out, errs, code := debug(t, "-c", "p "+expr, "local:"+core)
			if code != 1 || out != "" || !strings.Contains(errs, optimisedOut) {
				t.Errorf("%s: p %s: exit code %d\n%s%s", build, expr, code, out, errs)
			}
		}
	}
}

// An index out of bounds saves the registers: what was in them is there, and said
// to be less sure where it points to something.
func TestRegisters(t *testing.T) {
	for _, build := range []string{"exe", "pie"} {
		for _, kind := range []string{"index", "slice"} {
			out, errs, code := debug(t, "-c", "args; p id+1; p s.hits", "local:"+captured(t, subject(t, build), kind))
			lines := strings.Split(out, "\n")
			if code != 0 || len(lines) != 6 || !strings.HasPrefix(lines[0], "s = *main.server {") || !strings.HasSuffix(lines[0], "may have been freed)") ||
				lines[1] != "id = 2" || lines[2] != "user = "+optimisedOut || lines[3] != "3" || lines[4] != "42" {
				t.Errorf("%s, %s: exit code %d\n%s%s", build, kind, code, out, errs)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	exe := subject(t, "exe")
	core, missing := captured(t, exe, "string"), filepath.Join(t.TempDir(), "missing")
	tests := []struct{ commands, want string }{
		{"p nobody", "debug: nobody: no variable of this frame is called so"},
		{"up; p usr", "near: user"},
		{"up; p usr.token", "usr.token: no variable of this frame is called usr, and no package (near: user)"},
		{"up; p len(usr.token)", "len(usr.token): no variable of this frame is called usr, and no package"},
		{"up; p s.nothing", "s has no member nothing"},
		{"up; p s.store.items[99]", "index out of bounds"},
		{"up; p user +", "expected operand"},
		{"up; p *id", "id"},
		{"up; p order(s, 1, user, do)", "order"},
		{"frame 4711", "there are 0 to 3"},
		{"frame x", "there are 0 to 3"},
		{"down", "the innermost frame"},
		{"frame 3; up", "the outermost frame"},
		{"up 0", "a number of frames is wanted"},
		{"p", "the form is: p EXPR"},
		{"bt 7", "bt takes no arguments"},
		{"bogus", "no such command"},
		{"vars (", "error parsing regexp"},
		{"vars nosuchvariable", "no variable of a package matches"},
		{"save " + missing + "/core", "no such file"},
		{"save " + core, "file exists"},
	}
	for _, tt := range tests {
		t.Run(tt.commands, func(t *testing.T) {
			_, errs, code := debug(t, "-c", tt.commands, "local:"+core)
			if code != 1 || !strings.Contains(errs, tt.want) || strings.Count(errs, "\n") != 1 {
				t.Errorf("exit code %d: %s", code, errs)
			}
		})
	}
}

// Another build, one without debugging information, a core that is none: each is
// refused with what is wrong and what would be right.
func TestRefused(t *testing.T) {
	exe, other := subject(t, "exe"), subject(t, "noopt")
	core := captured(t, exe, "string")
	whole, err := os.ReadFile(core)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, data []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	gone, missing := capturedAndGone(t, exe), filepath.Join(t.TempDir(), "missing")
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"another build", []string{"-exe", other, "local:" + core}, "is another build than the one that was captured"},
		{"without DWARF", []string{"local:" + captured(t, subject(t, "bare"), "string")}, "has no debugging information"},
		{"no executable", []string{"-exe", core, "local:" + core}, "is no executable"},
		{"no such executable", []string{"-exe", missing, "local:" + core}, "no such file"},
		{"executable that has gone", []string{"local:" + gone}, "name it, or a copy of it, with -exe"},
		{"no such core", []string{"local:" + missing}, "no such file"},
		{"empty core", []string{"local:" + file("empty", nil)}, "truncated core"},
		{"truncated core", []string{"local:" + file("cut", whole[:len(whole)-1])}, "truncated core: it has"},
		{"text", []string{"local:" + file("text", bytes.Repeat([]byte("text "), 1000))}, "no core"},
		{"executable for a core", []string{"local:" + exe}, "no core"},
		{"no program", []string{"3"}, "cd PID, or connect, comes first"},
		{"two", []string{"3", "4"}, "the form is"},
		{"no source", []string{"-source", missing, "local:" + core}, "no such directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, code := debug(t, append([]string{"-c", "bt"}, tt.args...)...)
			if code == 0 || out != "" || !strings.Contains(errs, tt.want) || strings.Count(errs, "\n") != 1 {
				t.Errorf("exit code %d: %s%s", code, out, errs)
			}
		})
	}
}

// capturedAndGone is a core of a program whose executable is no longer there.
func capturedAndGone(t *testing.T, exe string) string {
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, data, 0o700); err != nil {
		t.Fatal(err)
	}
	core := captured(t, program, "string")
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	return core
}

// A stripped program is read with its original.
func TestStripped(t *testing.T) {
	strip, err := exec.LookPath("strip")
	if err != nil {
		t.Skip(err)
	}
	exe := subject(t, "pie")
	stripped := filepath.Join(t.TempDir(), "stripped")
	if out, err := exec.Command(strip, "-o", stripped, exe).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	core := captured(t, stripped, "custom")
	if _, errs, code := debug(t, "-c", "bt", "local:"+core); code == 0 || !strings.Contains(errs, "unstripped original with -exe") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	out, errs, code := debug(t, "-c", "panic; up; p s.store.items[2].Tags", "-exe", exe, "local:"+core)
	if code != 0 || !strings.Contains(out, `["red","blue"]`) || !strings.Contains(out, "404") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

// Each command is a line of JSON, its errors too.
func TestJSON(t *testing.T) {
	out, errs, code := debug(t, "-json", "-c", "bt; up; args; p user; p nobody; whatis s; list; goroutine; panic; help", "local:"+captured(t, subject(t, "exe"), "string"))
	if code != 1 || errs != "" {
		t.Errorf("exit code %d: %s", code, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 10 {
		t.Fatalf("%d lines:\n%s", len(lines), out)
	}
	var objects []struct {
		Command, Error string
		Result         json.RawMessage
	}
	for _, l := range lines {
		objects = append(objects, struct {
			Command, Error string
			Result         json.RawMessage
		}{})
		if err := json.Unmarshal([]byte(l), &objects[len(objects)-1]); err != nil {
			t.Errorf("%v: %s", err, l)
		}
	}
	for i, want := range []string{`"function":"main.init.func1"`, `"function":"main.order"`, `"name":"user","type":"string","value":"\"bob\""`, `"value":"\"bob\""`, "", `"type":"*main.server"`, `"current":true`, `"kind":"panic"`, "no order for bob", `"doc"`} {
		if o := objects[i]; !strings.Contains(string(o.Result), want) || (want == "") != (o.Error != "") {
			t.Errorf("%s: %s, error %q; not %s", o.Command, o.Result, o.Error, want)
		}
	}
}

// With -source the end of the path is what counts.
func TestSource(t *testing.T) {
	core := captured(t, subject(t, "trim"), "string")
	_, errs, code := debug(t, "-c", "up; list", "local:"+core)
	if code != 1 || !strings.Contains(errs, "-source DIR") {
		t.Errorf("without: exit code %d: %s", code, errs)
	}
	for _, dir := range []string{"../../../..", subjectDir} {
		out, errs, code := debug(t, "-c", "up; list", "-source", dir, "local:"+core)
		if code != 0 || !strings.Contains(out, "do(s, id, user)") {
			t.Errorf("%s: exit code %d: %s%s", dir, code, out, errs)
		}
	}
}

// save writes the core, for the owner alone, and what is saved can be opened.
func TestSave(t *testing.T) {
	core := captured(t, subject(t, "exe"), "string")
	to := filepath.Join(t.TempDir(), "saved")
	if out, errs, code := debug(t, "-c", "save "+to, "local:"+core); code != 0 || !strings.Contains(out, to) {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if stat, err := os.Stat(to); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", stat.Mode(), err)
	}
	if out, errs, code := debug(t, "-c", "up; p user", "local:"+to); code != 0 || !strings.Contains(out, `"bob"`) {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

// Memory that was not captured is said to be so.
func TestNotCaptured(t *testing.T) {
	out, errs, code := debug(t, "-c", "p *(*int)(0x12345678)", "local:"+captured(t, subject(t, "exe"), "string"))
	if code != 0 || out != notCaptured+"\n" || errs != "" {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

// A deep stack is cut, not refused.
func TestDeep(t *testing.T) {
	out, errs, code := debug(t, "-c", "panic; frame 900; args", "local:"+captured(t, subject(t, "exe"), "deep"))
	if code != 0 || !strings.Contains(out, "deep bob") || !strings.Contains(out, "main.deep") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string]string{
		"bt; p x":             "bt| p x",
		`p m["a;b"]; up`:      `p m["a;b"]| up`,
		"p ';'; q":            "p ';'| q",
		"p `a\\`; q":          "p `a\\`| q",
		`p "\";"; q`:          `p "\";"| q`,
		"bt\nup\n":            "bt|up|",
		`p *(*"T;U")(1);down`: `p *(*"T;U")(1)|down`,
		`p "unclosed; q`:      `p "unclosed; q`,
	} {
		if got := strings.Join(split(text), "|"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestComplete(t *testing.T) {
	d, err := openDead(captured(t, subject(t, "noopt"), "string"), subject(t, "noopt"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	s := &session{dead: d, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, frame: 1}
	for text, want := range map[string]string{
		"w":                   "whatis",
		"go":                  "goroutine",
		"bt; lo":              "locals",
		"p us":                "user",
		"p s.":                "any counts hits store",
		"p s.sto":             "store",
		"p s.store.items[2].": "Name Tags next",
		"p len(s.store.i":     "items",
		"whatis be":           "before",
		"bt ":                 "",
		"p zz":                "",
	} {
		var got []string
		r := s.complete(text, len(text))
		for _, c := range r.Candidates {
			got = append(got, c.Value)
			if whole := text[:r.Start] + c.Value; !strings.HasPrefix(whole, text) {
				t.Errorf("%q becomes %q", text, whole)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if s.hint("bt; p", 5) == "" || s.hint("zz", 2) != "" {
		t.Error("the hint is not of the command")
	}
}
