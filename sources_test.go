package ispyd_test

import (
	"path/filepath"
	"testing"

	"github.com/ispyd/ispyd"
	"github.com/ispyd/ispyd/internal/trigger"
	"github.com/ispyd/ispyd/plugins"
	ispydgrpc "github.com/ispyd/ispyd/plugins/grpc"
	ispydhttp "github.com/ispyd/ispyd/plugins/http"
	ispydsql "github.com/ispyd/ispyd/plugins/sql"
)

// What plugins of this module provide for triggers is known before they are opened,
// or the configuration would refuse it: the plugin profile is opened first.
func TestSourcesAreKnown(t *testing.T) {
	s, err := ispyd.New(ispyd.Options{Config: "[ispyd]\nlisten = \"" + filepath.Join(t.TempDir(), "s") + "\"\n",
		Plugins: []plugins.Plugin{ispydhttp.Plugin, ispydgrpc.Plugin, ispydsql.Plugin}})
	if err != nil {
		t.Fatal(err)
	}
	there := trigger.Sources()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	alone := trigger.Sources()
	if len(there) < len(alone)+4 {
		t.Errorf("%d sources with the plugins, %d without", len(there), len(alone))
	}
	values := map[trigger.Unit]string{trigger.Count: "1", trigger.Seconds: "1s", trigger.Bytes: "1B", trigger.Percent: "1%"}
	for _, source := range there {
		e, err := trigger.Parse(source.Name + " over " + values[source.Unit])
		if err != nil || e.Source.Unit != source.Unit {
			t.Errorf("%s, in %q, is not known without its plugin: %v", source.Name, source.Unit, err)
		}
	}
}
