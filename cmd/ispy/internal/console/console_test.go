package console

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/servetest"
)

func TestIncomplete(t *testing.T) {
	for text, want := range map[string]bool{
		"x":               false,
		"for {":           true,
		"for {\n}":        false,
		"f(1,":            true,
		"x := `a":         true,
		"x := `a\nb`":     false,
		"x +":             true,
		"x++":             false,
		"x.":              true,
		"/* a":            true,
		"\"abc":           false,
		"func f() {\nx\n": true,
		"if x {\n\n":      false,
		":type (":         false,
		")":               false,
		"'(' ":            false,
		"// {":            false,
	} {
		if got := incomplete(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// serve starts a program with a console, and returns its name.
func serve(t *testing.T, config string) (string, *space.Space) {
	t.Helper()
	_, c := servetest.Start(t, config)
	sp := space.New([]*client.Config{c}, time.Minute)
	t.Cleanup(sp.Close)
	return strconv.Itoa(os.Getpid()), sp
}

func TestConsole(t *testing.T) {
	name, sp := serve(t, "[console]\nenabled = true\n")
	run := func(stdin, dir string, args ...string) (int, string, string) {
		var out, errs strings.Builder
		v := Verbs()[0]
		c := &verb.Call{Dir: dir, Space: sp, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs}
		code := v.Do(t.Context(), c, args)
		return code, out.String(), strings.ReplaceAll(errs.String(), name, "NAME")
	}
	home := "/" + name
	large := "len(\"" + strings.Repeat("x", 300_000) + "\")"
	for _, x := range []struct {
		stdin string
		args  []string
		code  int
		out   string
		err   string
	}{
		{args: []string{"-e", "1 + 1"}, out: "2\n"},
		{args: []string{"-e", `strconv.Atoi("12")`}, out: "12, nil\n"},
		{args: []string{"-e", "nope"}, code: 1, err: "undefined: nope"},
		{args: []string{"-e", `fmt.Println("a"); panic("b")`}, code: 1, out: "a\n", err: "panic: b"},
		{args: []string{"-json", "-e", "1"}, out: `{"values":[[{"value":"1","type":"int"}]]}` + "\n"},
		{args: []string{"-e", ":type time.Second"}, out: "constant 1000000000 of type time.Duration\n"},
		{args: []string{"-e", large}, out: "300000\n"},
		{stdin: "func f(n int) int {\n\treturn n * 2\n}\nf(4)\nexit()\nf(5)\n", out: "8\n"},
		{stdin: "x := 3\nx * 2", out: "6\n"},
		{stdin: "x := 3\nfunc() {\n\tnope()\n}()\nx", code: 1, err: "in the text from line 2: 2:2: undefined: nope"},
		{args: []string{"-json", "-e", "nope"}, code: 1, out: `{"error":"1:1: undefined: nope`},
		{args: []string{"nowhere"}, code: 1, err: "nowhere: no such file"},
		{stdin: "x := 3\n\nfunc f() {\n\tpanic(x)\n}\n1\n  f()\n", code: 1, out: "1\n", err: "in the text from line 7: panic: int(3), at 2:2 in f of an earlier request\n\tcalled at 1:3"},
		{args: []string{"-e", `strconv.Atoi("x"); errors.New("e")`}, out: "0, &strconv.NumError{Func: \"Atoi\", Num: \"x\", Err: &errors.errorString{s: \"invalid syntax\"}} // error: strconv.Atoi: parsing \"x\": invalid syntax\n&errors.errorString{s: \"e\"} // error: e\n"},
		{args: []string{"a", "b"}, code: verb.Usage, err: "the form is"},
	} {
		code, out, errs := run(x.stdin, home, x.args...)
		if code != x.code || out != x.out && (code == 0 || x.out == "" || !strings.HasPrefix(out, x.out)) || !strings.Contains(errs, x.err) {
			t.Errorf("%.60q %q: %d\n%s%s", x.args, x.stdin, code, out, errs)
		}
	}
	if code, _, errs := run("", "/"); code == 0 || !strings.Contains(errs, "which program") {
		t.Errorf("at the top: %d %s", code, errs)
	}
	if code, out, _ := run("", "/", "-e", "2", home+"/runtime"); code != 0 || out != "2\n" {
		t.Errorf("with a directory: %d %s", code, out)
	}
}

func TestDisabled(t *testing.T) {
	name, sp := serve(t, "")
	var out, errs strings.Builder
	v := Verbs()[0]
	c := &verb.Call{Dir: "/" + name, Space: sp, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs}
	if code := v.Do(t.Context(), c, []string{"-e", "1"}); code == 0 || !strings.Contains(errs.String(), "enabled = true") {
		t.Errorf("%d %s", code, errs.String())
	}
}

// TestTalk completes, and goes on after an evaluation that was interrupted.
func TestTalk(t *testing.T) {
	name, sp := serve(t, "[console]\nenabled = true\n")
	f, err := sp.Open(t.Context(), "/"+name+"/console/session", os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out strings.Builder
	s := &talk{f: f, out: &out, types: true}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.script(ctx, "for {}"); err == nil {
		t.Error("it ended")
	}
	if err := s.script(t.Context(), "uint8(3)"); err != nil || out.String() != "3 // uint8\n" {
		t.Errorf("afterwards: %v %q", err, out.String())
	}
	for v, want := range map[value]string{
		{Text: "&errors.errorString{}", Type: "error"}:               " // error",
		{Text: "&errors.errorString{}", Type: "error", Says: "a\nb"}: " // error: a\n// b",
		{Text: "nil", Type: "error"}:                                 " // error",
		{Text: "main.T{}", Type: "main.T"}:                           "",
		{Text: "&main.T{}", Type: "*main.T"}:                         "",
		{Text: "[]byte(\"x\")", Type: "[]uint8"}:                     "",
	} {
		if got := s.notes([]value{v}); got != want {
			t.Errorf("%+v: %q, want %q", v, got, want)
		}
	}
	r := s.complete(t.Context(), "x := strings.TrimS")
	if len(r.Candidates) != 2 || r.Common != "TrimS" || r.Start != len("x := strings.") || r.Candidates[0].Value != "TrimSpace" {
		t.Errorf("%+v", r)
	}
}

// TestRemote has a real listener whose peers nobody knows: there is no console unless
// the configuration says that there is to be one.
func TestRemote(t *testing.T) {
	const on = "[console]\nenabled = true\n"
	for _, x := range []struct {
		config string
		works  bool
	}{{on, false}, {on + "allow-remote = true\n", true}} {
		s, err := ispyd.New(ispyd.Options{Config: "[ispyd]\nlisten = \"127.0.0.1:0\"\nallow-remote = true\n" + x.config})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		c, err := client.Dial(t.Context(), s.Addr(), client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		f, err := c.Open(t.Context(), "console/session", os.O_RDWR)
		if !x.works {
			why, rerr := c.ReadFile(t.Context(), "plugins")
			if err == nil || rerr != nil || !strings.Contains(string(why), "[console] allow-remote = true") {
				t.Errorf("a console over TCP: %v, %v\n%s", err, rerr, why)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(t.Context(), []byte("6 * 7")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		n, err := f.Read(b)
		if string(b[:n]) != "42\n" {
			t.Errorf("%q, %v", b[:n], err)
		}
		f.Close()
	}
}
