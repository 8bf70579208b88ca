//go:build linux && amd64

package eval

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var foreign = flag.String("foreign", "", "module `version` of a large program for TestSurvey, such as github.com/caddyserver/caddy/v2@v2.11.7")

// TestSurvey looks at all functions and types of whole programs: the signatures that
// calls are made with are those that the runtime has, and no value that the console
// would put into an interface ends the program.
func TestSurvey(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program with much of the standard library")
	}
	t.Run("medium", func(t *testing.T) { survey(t, buildProgram(t, "./testdata/medium", "-tags=evalsurvey"), 5_000) })
	if *foreign == "" {
		return
	}
	t.Run("foreign", func(t *testing.T) {
		// A go.mod of its own: this module does not require the other.
		root, err := filepath.Abs("../..")
		if err != nil {
			t.Fatal(err)
		}
		mod := filepath.Join(t.TempDir(), "go.mod")
		for _, suffix := range []string{".mod", ".sum"} {
			b, err := os.ReadFile(filepath.Join(root, "go"+suffix))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(mod[:len(mod)-4]+suffix, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.CommandContext(t.Context(), "go", "get", "-modfile="+mod, *foreign).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		survey(t, buildProgram(t, "./testdata/caddy", "-tags=evalsurvey", "-mod=mod", "-modfile="+mod), 50_000)
	})
}

func survey(t *testing.T, exe string, least int) {
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the program died: %v", err)
	}
	var s struct {
		Functions, Callable int
		Refused             map[string]int
		Methods, Compared   int
		Different           []string
		Shorter             int
		Types, Boxed        int
		Hazards, Interfaces int
	}
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d functions, %d may be called; %d types, %d values given, %d refused for dropped methods; %d interfaces; %d methods, %d compared, %d have lost results", s.Functions, s.Callable, s.Types, s.Boxed, s.Hazards, s.Interfaces, s.Methods, s.Compared, s.Shorter)
	for why, n := range s.Refused {
		t.Logf("%6d %s", n, why)
	}
	for _, d := range s.Different {
		t.Error(d)
	}
	if s.Functions < least || s.Callable < s.Functions/4 || s.Compared < least/20 || s.Boxed < s.Types || s.Hazards == 0 || s.Shorter > s.Compared/500 {
		t.Errorf("this is not what there is in such a program")
	}
}
