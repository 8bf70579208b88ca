package globals

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/nodes/nodetest"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// inside names the environment variable of a test binary that has debug information.
const inside = "ISPYD_GLOBALS_INSIDE"

// Variables of the kinds that nodetest writes bad values to.
var (
	testNumber = 7
	testText   = "text"
	testSwitch bool
	testTable  = map[string][]int{"a": {1}}
)

// TestInside runs TestConform in a binary of "go test -c", which has the debug
// information that one of "go test" lacks.
func TestInside(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "inside.test")
	if out, err := exec.Command("go", "test", "-c", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(exe, "-test.run=^TestConform$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestConform") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestConform(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("is run by TestInside")
	}
	for _, config := range []string{reading, writing} {
		nodetest.Check(t, func(t *testing.T) (nodes.Dir, io.Closer) {
			dir, closer, err := Plugin.Open(plugintest.Config(t, "globals", config+`allow = ["github.com/ispyd/...", "encoding/json"]`))
			if err != nil {
				t.Fatal(err)
			}
			return dir, closer
		})
	}
	if testNumber != 7 || testText != "text" || testSwitch || len(testTable) != 1 {
		t.Error("a variable was changed")
	}
}
