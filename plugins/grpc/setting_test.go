package grpc

import (
	"strings"
	"testing"
	"time"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// The threshold of each family is a setting of its own.
func TestSlowIsASetting(t *testing.T) {
	dir := opened(t, "[grpc]\nslow = \"3s\"\n")
	leases := nodes.NewLeases(nil)
	for _, at := range []string{"ctl", "outgoing/ctl"} {
		ctx := nodes.WithLeases(t.Context(), leases, "grpc/"+at)
		if got := plugintest.Read(t, dir, at); !strings.Contains(got, "; now 3s\n") {
			t.Errorf("%s reads\n%s", at, got)
		}
		if err := plugintest.WriteIn(ctx, t, dir, at, "slow 7s for=1h"); err != nil {
			t.Error(err)
		}
	}
	if l := leases.List(); len(l) != 2 || l[0].Setting != "grpc/ctl slow" || l[1].Setting != "grpc/outgoing/ctl slow" || l[0].Own != "3s" || incoming.Slow() != 7*time.Second {
		t.Errorf("settings %v, in force %s", l, incoming.Slow())
	}
	if err := leases.Close(t.Context()); err != nil || incoming.Slow() != 3*time.Second || outgoing.Slow() != 3*time.Second {
		t.Errorf("after the leases %s, %s, %v", incoming.Slow(), outgoing.Slow(), err)
	}
}
