package sql

import (
	"testing"

	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/plugintest"
)

// opened opens the plugin with a configuration.
func opened(t testing.TB, text string) nodes.Dir {
	t.Helper()
	return plugintest.Open(t, Plugin, text)
}
