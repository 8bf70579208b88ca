package peers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ispyd/ispyd/fs/client"
)

const theRegistry = "github.com/google/go-containerregistry/cmd/registry"

// TestVariables reads and writes unexported variables of a program that nobody here
// wrote, but for one line: a registry of container images.
func TestVariables(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("variables are known on linux/amd64")
	}
	url, sock := startRegistry(t)
	conn, err := client.Dial(t.Context(), sock, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	read := func(path string) string {
		t.Helper()
		b, err := conn.ReadFile(t.Context(), "globals/"+path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return strings.TrimSpace(string(b))
	}
	const unknown = "github.com/google/go-containerregistry/pkg/registry.regErrBlobUnknown"
	if got := read("main.port"); got != "&int(0)" {
		t.Errorf("the port of the configuration is %s", got)
	}
	if got := read(unknown); !strings.HasPrefix(got, "&registry.regError{") || !strings.Contains(got, `Message: "Unknown blob"`) {
		t.Errorf("the error reads as %s", got)
	}
	var flags map[string]struct{ Name, Usage string }
	if err := json.Unmarshal([]byte(read("flag.CommandLine.formal.json")), &flags); err != nil || flags["port"].Usage != "port to run registry on" {
		t.Errorf("the flags are %v, %v", flags, err)
	}
	if got := read(`flag.CommandLine.formal["port"].DefValue`); got != `"1338"` {
		t.Errorf("the default of a flag is %s", got)
	}
	const blob = "/v2/x/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000"
	if status, body := get(t, url+blob); status != 404 || !strings.Contains(body, "Unknown blob") {
		t.Errorf("before, it answers %d %s", status, body)
	}
	for path, text := range map[string]string{unknown + ".Message": "nobody has that blob, ask in #images", unknown + ".Status": "410"} {
		if err := conn.WriteFile(t.Context(), "globals/"+path, []byte(text+"\n")); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if status, body := get(t, url+blob); status != 410 || !strings.Contains(body, "nobody has that blob, ask in #images") {
		t.Errorf("after, it answers %d %s", status, body)
	}
	if rows := read("top"); strings.Count(rows, "\n") < 20 {
		t.Errorf("top is %s", rows)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// startRegistry builds the registry's command with one line more, and starts it.
func startRegistry(t *testing.T) (url, sock string) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", theRegistry).Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.Replace(string(source), "\tflag.Parse()\n", "\tflag.Parse()\n\t"+`ispyd.Start(flag.Arg(0))`+"\n", 1)
	text = strings.Replace(text, "import (\n", "import (\n\t\"github.com/ispyd/ispyd\"\n", 1)
	sock = filepath.Join(dir, "s")
	for name, data := range map[string]string{
		"main.go":    text,
		"ispyd.toml": fmt.Sprintf("[ispyd]\nlisten = %q\n[globals]\nenabled = true\nwrite = true\n", sock),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	exe := filepath.Join(dir, "registry")
	if out, err := exec.Command("go", "build", "-o", exe, filepath.Join(dir, "main.go")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(exe, "-port", "0", filepath.Join(dir, "ispyd.toml"))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if _, port, ok := strings.Cut(lines.Text(), "serving on port "); ok {
			go io.Copy(io.Discard, log)
			return "http://localhost:" + port, sock
		}
		t.Log(lines.Text())
	}
	t.Fatal("the registry does not start")
	return "", ""
}
