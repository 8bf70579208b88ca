package ispyd

import (
	"github.com/ispyd/ispyd/plugins"
	"github.com/ispyd/ispyd/plugins/console"
	"github.com/ispyd/ispyd/plugins/debugger"
	"github.com/ispyd/ispyd/plugins/globals"
	"github.com/ispyd/ispyd/plugins/log"
	"github.com/ispyd/ispyd/plugins/process"
	"github.com/ispyd/ispyd/plugins/profile"
	"github.com/ispyd/ispyd/plugins/runtime"
)

// allBuiltins stands for all built-in plugins in the configuration.
const allBuiltins = "builtins"

// builtins are the plugins that need not be passed to Start.
func builtins() []plugins.Plugin {
	return []plugins.Plugin{process.Plugin, runtime.Plugin, profile.Plugin, log.Plugin, debugger.Plugin, globals.Plugin, console.Plugin}
}
