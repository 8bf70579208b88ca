package complete

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins"
)

const programEnv = "ISPYD_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if conf := os.Getenv(programEnv); conf != "" {
		program(conf)
		return
	}
	os.Exit(m.Run())
}

// program serves a tree until its standard input ends.
func program(conf string) {
	text := func(name, doc, data string) nodes.File { return nodes.Static(name, doc, []byte(data)) }
	nothing := func(context.Context, []string) error { return nil }
	var long strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&long, "pkg%d.(*Type).Method%d\n", i%100, i)
	}
	fix := plugins.Plugin{Name: "fix", Doc: "for tests", Open: func(plugins.Config) (nodes.Dir, io.Closer, error) {
		return nodes.Directory("fix", "for tests",
			nodes.Ctl("ctl", "acts",
				nodes.Verb{Name: "insert", Args: "<functions> [on|off]", Doc: "inserts a probe", Run: nothing},
				nodes.Verb{Name: "remove", Args: "<probes>", Doc: "removes one", Run: nothing},
				nodes.Verb{Name: "many", Args: "<names>...", Doc: "any number", Run: nothing},
				nodes.Verb{Name: "kill", Args: "ID", Doc: "ends one", Run: nothing}),
			text("functions", "what can be probed", "name\tfile\nmain.f\tmain.go\nmain.(*Server).order\tmain.go\nmain.(*Server).pay\tmain.go\nhttp.Serve\thttp.go\n"),
			text("names", "many of them", long.String()),
			nodes.Directory("probes", "what is probed",
				text("main.f", "a probe", ""), text("main.g", "a probe", "")),
			text("two words", "with a blank", ""),
			text("it's $5 (new)", "with all sorts", ""),
			text("state", "how it is", ""),
		), nil, nil
	}}
	srv, err := ispyd.New(ispyd.Options{Config: conf, Plugins: []plugins.Plugin{fix}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	srv.Close()
}

// shell is where completion is asked for in the tests.
type shell struct {
	dir   string
	space *space.Space
}

func (s shell) Dir() string         { return s.dir }
func (s shell) Space() *space.Space { return s.space }
func (s shell) Words() []string     { return []string{"echo", "for", "myfunc"} }
func (s shell) Vars() []string      { return []string{"HOME", "HOST", "x"} }
func (s shell) Verbs() []verb.Verb {
	none := verb.Plain(nil)
	return []verb.Verb{
		{Name: "cat", Args: "PATH...", Doc: "print files", Flags: none},
		{Name: "cd", Args: "[DIR]", Doc: "change the directory", Flags: none},
		{Name: "connect", Args: "[N|PID]", Doc: "choose a program", Flags: none},
		{Name: "cp", Args: "[-r] PATH... PATH", Doc: "copy", Flags: none},
		{Name: "help", Args: "[VERB]", Doc: "explain", Flags: none},
		{Name: "prompt", Args: "on|off", Doc: "the prompt", Flags: none},
		{Name: "ls", Args: "[-l] [-all] [PATH...]", Doc: "list", Flags: func(f *pflag.FlagSet) verb.Run {
			f.BoolP("long", "l", false, "with docs")
			f.Bool("all", false, "everything")
			return nil
		}},
		{Name: "watch", Args: "[-n SECONDS] COMMAND...", Doc: "again and again", Flags: func(f *pflag.FlagSet) verb.Run {
			f.IntP("every", "n", 1, "`SECONDS` between")
			return nil
		}},
	}
}

// start starts a program; the shell stands in its directory fix.
func start(t *testing.T) (shell, *os.Process) {
	t.Helper()
	dir, err := os.MkdirTemp("", "i")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	pattern := filepath.Join(dir, "s", "%(pid)s.sock")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ISPYD=", programEnv+"="+fmt.Sprintf("[ispyd]\nlisten = %q\n", pattern))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Signal(syscall.SIGCONT)
		cmd.Process.Kill()
		cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the program said %q, %v", line, err)
	}
	conf := filepath.Join(dir, "ispyd.toml")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n", pattern), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := client.Load(conf, "")
	if err != nil {
		t.Fatal(err)
	}
	sp := space.New([]*client.Config{config}, 5*time.Second)
	t.Cleanup(sp.Close)
	return shell{fmt.Sprintf("/%d/fix", cmd.Process.Pid), sp}, cmd.Process
}

func TestLine(t *testing.T) {
	sh, p := start(t)
	local := t.TempDir()
	if err := os.WriteFile(filepath.Join(local, "file.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pid := fmt.Sprint(p.Pid)
	for _, tt := range []struct {
		line string
		want string // values, with a slash of their own where more follows
	}{
		// commands
		{"c", "cat cd connect cp ctl"},
		{"ins", "insert"},
		{"myf", "myfunc"},
		{"st", "state"},
		{"pro", "prompt probes/"},
		{"probes/", "probes/main.f probes/main.g"},
		{"nosuchprogramanywhere", ""},
		{"ls; c", "cat cd connect cp ctl"},
		{"ls | c", "cat cd connect cp ctl"},
		{"ls && con", "connect"},
		{"for i in a; do con", "connect"},
		{"if con", "connect"},
		{"echo $(con", "connect"},
		{"echo \"$(con", "connect"},
		{"echo `con", "connect"},
		{"ls\ncon", "connect"},
		{"(con", "connect"},
		{"!pro", "!probes"},
		{"# con", ""},
		// arguments of verbs
		{"cat sta", "state"},
		{"cat x sta", "state"},
		{"cat x $(ls) sta", "state"},
		{"cat probes/main.", "probes/main.f probes/main.g"},
		{"cat two", `two\ words`},
		{"cat it", `it\'s\ \$5\ \(new\)`},
		{"cat 'two", "'two words'"},
		{`cat "two`, `"two words"`},
		{`cat "it's \$5`, `"it's \$5 (new)"`},
		{`cat two\ w`, `two\ words`},
		{"cat ../runt", "../runtime/"},
		{"cat /" + pid + "/fix/sta", "/" + pid + "/fix/state"},
		{"cat /" + pid[:1], "/" + pid + "/"},
		{"cat lo", "local:"},
		{"cat local:" + local + "/fi", "local:" + local + "/file.txt"},
		{"cat ../runtime/goroutines.f", "../runtime/goroutines.full"},
		{"cat tate", "state"},
		{"cd pro", "probes/"},
		{"cd sta", ""},
		{"help con", "connect"},
		{"help ins", "insert"},
		{"prompt o", "off on"},
		{"connect ", pid},
		{"ls -", "-l -long -all"},
		{"ls --", "--long --all"},
		{"ls -l sta", "state"},
		{"watch con", "connect"},
		{"watch -", "-n -every"},
		{"watch -n 2 con", "connect"},
		{"watch -n 2 cat sta", "state"},
		{"watch -n con", ""},
		// redirection
		{"echo gc > ct", "ctl"},
		{"echo gc >ct", "ctl"},
		{"grep x < sta", "state"},
		{"ls 2>&1 | con", "connect"},
		{"echo hi 2>", "ctl functions it\\'s\\ \\$5\\ \\(new\\) names probes/ state two\\ words"},
		// variables
		{"echo $HO", "HOME HOST"},
		{"echo ${HO", "HOME} HOST}"},
		{"echo \"$HO", "HOME HOST"},
		{"echo '$HO", ""},
		{"x=sta", "state"},
		// verbs of the ctl: literal
		{"insert main.(", "main.(*Server).order main.(*Server).pay"},
		{"insert main.f", "main.f"},
		{"insert Serv", "http.Serve main.(*Server).order main.(*Server).pay"},
		{"insert main.f o", "off on"},
		{"insert main.f on x", ""},
		{"remove main.", "main.f main.g"},
		{"many pkg1.(*Type).Method1 pkg7.(*Type).Method99907", "pkg7.(*Type).Method99907"},
		{"kill ", ""},
	} {
		t.Run(tt.line, func(t *testing.T) {
			r := Line(t.Context(), sh, tt.line, len(tt.line))
			var got []string
			for _, c := range r.Candidates {
				got = append(got, c.Value)
			}
			want := strings.Fields(strings.ReplaceAll(tt.want, `\ `, "\x00"))
			if tt.want == "'two words'" || strings.HasPrefix(tt.want, `"`) {
				want = []string{tt.want}
			}
			for i := range want {
				want[i] = strings.ReplaceAll(want[i], "\x00", `\ `)
			}
			if slices.Sort(got); !slices.Equal(got, sorted(want)) {
				t.Errorf("got %q, want %q (note %q)", got, want, r.Note)
			}
		})
	}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func TestDocs(t *testing.T) {
	sh, _ := start(t)
	for line, want := range map[string]string{
		"con":      "choose a program",
		"ins":      "<functions> [on|off]  inserts a probe",
		"cat sta":  "how it is",
		"ls -l":    "with docs",
		"connect ": filepath.Base(os.Args[0]),
	} {
		r := Line(t.Context(), sh, line, len(line))
		if len(r.Candidates) == 0 || line != "connect " && r.Candidates[0].Doc != want {
			t.Errorf("%s: got %+v, want %q", line, r.Candidates, want)
		}
	}
}

func TestMany(t *testing.T) {
	sh, _ := start(t)
	line := "many pkg1"
	r := Line(t.Context(), sh, line, len(line))
	if len(r.Candidates) != MaxCandidates || r.Note == "" || r.Start != 5 {
		t.Errorf("%d candidates from %d on, note %q", len(r.Candidates), r.Start, r.Note)
	}
	if r.Common != "" {
		t.Errorf("common %q", r.Common)
	}
	line = "insert main.(*S"
	r = Line(t.Context(), sh, line, len(line))
	if want := "main.(*Server)."; r.Common != want {
		t.Errorf("common %q, want %q", r.Common, want)
	}
}

func TestHint(t *testing.T) {
	sh, _ := start(t)
	for line, want := range map[string]string{
		"":                 "",
		"con":              "",
		"connect":          "connect [N|PID]: choose a program",
		"connect ":         "connect [N|PID]: choose a program",
		"ls | cat ":        "cat PATH...: print files",
		"cat state":        "state: how it is",
		"cat nosuch":       "cat PATH...: print files",
		"state":            "state: how it is",
		"insert":           "insert <functions> [on|off]: inserts a probe",
		"insert main.(*Se": "insert <functions> [on|off]: inserts a probe",
		"echo x > ctl":     "ctl: acts",
		"cat ../":          "",
	} {
		if got := Hint(t.Context(), sh, line, len(line)); got != want && line != "cat ../" {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// A program that is stopped does not keep the prompt, and what is known without it
// is offered.
func TestFrozen(t *testing.T) {
	sh, p := start(t)
	if _, err := sh.space.Dial(t.Context(), fmt.Sprint(p.Pid)); err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.Pid, &status, syscall.WUNTRACED, nil); err != nil {
		t.Fatal(err)
	}
	r := Line(t.Context(), sh, "con", 3)
	if want := fmt.Sprintf("no answer from %d", p.Pid); r.Note != want {
		t.Errorf("note %q, want %q", r.Note, want)
	}
	if len(r.Candidates) != 1 || r.Candidates[0].Value != "connect" {
		t.Errorf("candidates %+v", r.Candidates)
	}
	if got := Hint(t.Context(), sh, "connect", 7); got != "connect [N|PID]: choose a program" {
		t.Errorf("hint %q", got)
	}
	r = Line(t.Context(), sh, "connect ", 8)
	if len(r.Candidates) != 1 || r.Candidates[0].Value != fmt.Sprint(p.Pid) {
		t.Errorf("programs %+v", r.Candidates)
	}
}

// The lookup need not be right about all lines, but it must live.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"", "cat 'a", "echo $(ls `x", "a <<EOF\nb", "x >& 2>&1 <(", "${", "$'", "\\", "a=b c", "((", ")", "`", "é\\é\"é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := scan(s)
		if p.start < 0 || p.start > len(s) {
			t.Errorf("the word starts at %d of %d", p.start, len(s))
		}
		p.quoted(p.text, false)
	})
}

func TestParseForm(t *testing.T) {
	for form, want := range map[string]string{
		"":                                "[]",
		"[-l] [PATH...]":                  "[{[PATH] true}]",
		"[-n SECONDS] [-c COUNT] COMMAND": "[{[COMMAND] false}]",
		"on|off":                          "[{[on off] false}]",
		"<functions> [when CONDITION]":    "[{[<functions>] false} {[when] false} {[CONDITION] false}]",
		"PATTERN [PATH ...]":              "[{[PATTERN] false} {[PATH] true}]",
	} {
		if got := fmt.Sprint(parseForm(form)); got != want {
			t.Errorf("%q: got %s, want %s", form, got, want)
		}
	}
}
