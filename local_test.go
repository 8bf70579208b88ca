package ispyd

import (
	"testing"

	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/internal/peercred"
	"github.com/ispyd/ispyd/plugins"
)

// What shows the program's memory asks whether its peers are known.
func TestLocal(t *testing.T) {
	for _, c := range []struct {
		listen string
		local  bool
	}{
		{"/tmp/ispyd/%(pid)s.sock", peercred.Supported},
		{"localhost:0", false},
		{"127.0.0.1:12345", false},
	} {
		f, err := config.Parse("test.toml", []byte("[ispyd]\nlisten = \""+c.listen+"\"\nallow-remote = true\n"))
		if err != nil {
			t.Fatal(err)
		}
		conf, err := readConfig(f, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := plugins.Local(pluginConfig{c: conf, name: "globals"}); got != c.local {
			t.Errorf("%s: the peers are known: %v, want %v", c.listen, got, c.local)
		}
	}
	if plugins.Local(nil) {
		t.Error("a configuration that does not say is taken for local")
	}
}
