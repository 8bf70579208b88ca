package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ispyd/ispyd"
	ispydfs "github.com/ispyd/ispyd/fs"
	"github.com/ispyd/ispyd/plugins"
	"github.com/ispyd/ispyd/plugins/http"
	"github.com/ispyd/ispyd/plugins/vars"
)

// mistake is what is wrong with a configuration, of a program with the plugins that
// testdata/sample has.
func mistake(t *testing.T, config string) string {
	t.Helper()
	srv, err := ispyd.New(ispyd.Options{Config: config, Plugins: []plugins.Plugin{http.Plugin, vars.Plugin}})
	if err == nil {
		srv.Close()
		t.Fatalf("nothing is wrong with\n%s", config)
	}
	return err.Error()
}

var thereAre = regexp.MustCompile(`unknown key; there are (.*)$`)

// keys are the keys of a section, as the error about an unknown one lists them.
func keys(t *testing.T, listen, section, with string) []string {
	t.Helper()
	config := fmt.Sprintf("[ispyd]\nlisten = %q\n", listen)
	if section != "ispyd" {
		config += "[" + section + "]\n"
	}
	err := mistake(t, config+with+"\nqqqqqqqqqqqq = 1\n")
	if m := thereAre.FindStringSubmatch(err); m != nil {
		return slices.DeleteFunc(strings.Split(m[1], ", "), func(k string) bool { return k == "-" })
	}
	if !strings.Contains(err, "unknown key") {
		t.Fatalf("[%s]: %s", section, err)
	}
	return nil
}

func TestKeys(t *testing.T) {
	w := theWorld(t)
	text := words(page(t, "ispyd.toml.5"))
	listen := filepath.Join(t.TempDir(), "sock")
	check := func(section string, keys []string) {
		for _, key := range keys {
			if !defines(text, key+" (") && !strings.Contains(text, "\n"+key+" (") {
				t.Errorf("ispyd.toml(5) lacks the key %s of [%s]", key, section)
			}
		}
	}
	sections := []string{"ispyd"}
	for _, f := range w.Tree[0].Files {
		if f.Kind == kindDir {
			sections = append(sections, f.Path)
		}
	}
	for i := 0; i < len(sections); i++ {
		section := sections[i]
		all := keys(t, listen, section, "")
		if section == "ispyd" && len(all) < 5 {
			t.Errorf("[ispyd] has only the keys %q", all)
		}
		var plain []string
		for _, key := range all {
			// A section below this one, or an array of them.
			sub := section + "." + key
			below := func(section string) bool {
				return strings.Contains(mistake(t, fmt.Sprintf("[%s]\nqqqqqqqqqqqq = 1\n[ispyd]\nlisten = %q\n", section, listen)), sub+".qqqqqqqqqqqq: unknown key")
			}
			if below(sub) {
				sections = append(sections, sub)
				continue
			}
			if below("[" + sub + "]") {
				sections = append(sections, "["+sub+"]")
				continue
			}
			plain = append(plain, key)
		}
		check(section, plain)
		if len(plain) > 0 && !strings.Contains(text, "\n.SH THE SECTION ["+section+"]\n") {
			t.Errorf("ispyd.toml(5) lacks the section [%s]", section)
		}
	}
	check("a mount", keys(t, listen, "other", `mount = "/tmp/other.sock"`))
}

func TestLimits(t *testing.T) {
	text := words(page(t, "ispyd.toml.5"))
	d := ispydfs.DefaultLimits()
	for key, value := range map[string]int{"connections": d.Conns, "requests": d.Inflight, "files": d.Fids, "message": int(d.Msize), "renderings": int(d.Held)} {
		line := regexp.MustCompile(`\n` + key + ` \(.*default ` + strconv.Itoa(value) + `\)\n`)
		if !line.MatchString(text) {
			t.Errorf("ispyd.toml(5) does not say that %s is %d by default", key, value)
		}
	}
	if want := fmt.Sprintf(`default "%gm")`, d.Operation.Minutes()); !strings.Contains(text, want) {
		t.Errorf("ispyd.toml(5) lacks %s of operation", want)
	}
}

// examples are the examples of a section of a page.
func examples(page, section string) []string {
	_, text, _ := strings.Cut(page, "\n.SH "+section+"\n")
	text, _, _ = strings.Cut(text, "\n.SH ")
	var all []string
	for {
		var ok bool
		if _, text, ok = strings.Cut(text, "\n.EX\n"); !ok {
			return all
		}
		var example string
		example, text, _ = strings.Cut(text, "\n.EE")
		all = append(all, strings.ReplaceAll(words("\n"+example+"\n"), "\n    ", "\n"))
	}
}

func TestConfigExamples(t *testing.T) {
	all := examples(page(t, "ispyd.toml.5"), "EXAMPLES")
	if len(all) != 2 {
		t.Fatalf("%d examples", len(all))
	}
	for _, example := range all {
		config := strings.ReplaceAll(example, "/tmp/ispyd/", t.TempDir()+"/")
		if config == example {
			t.Fatalf("no socket in /tmp/ispyd:\n%s", example)
		}
		srv, err := ispyd.New(ispyd.Options{Config: config})
		if err != nil {
			t.Fatalf("%v\n%s", err, example)
		}
		if srv.Addr() == "" {
			t.Error("it serves nothing")
		}
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	all := examples(page(t, "ispyd.toml.5"), "ERRORS")
	if len(all) != 1 {
		t.Fatalf("%d examples", len(all))
	}
	var got strings.Builder
	t.Chdir(t.TempDir())
	for _, line := range []string{"readonyl = true", `redact = "yes"`, "\n[ispyd.limits]\nrequests = 1000", "[http]\nrecent = 0", "[proces]"} {
		text := "[ispyd]\nlisten = \"/tmp/ispyd/%(pid)s.sock\"\n" + line + "\n"
		if err := os.WriteFile("ispyd.toml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		srv, err := ispyd.Start("ispyd.toml", http.Plugin)
		if err == nil {
			srv.Close()
			t.Fatalf("nothing is wrong with\n%s", text)
		}
		fmt.Fprintln(&got, strings.TrimPrefix(err.Error(), "ispyd: "))
	}
	if want := strings.TrimPrefix(all[0], "\n"); got.String() != want {
		t.Errorf("the errors are\n%sispyd.toml(5) says\n%s", got.String(), want)
	}
}
