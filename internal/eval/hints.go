package eval

import "strings"

// What cannot be had in the console, but elsewhere.

// files are those of the tree that tell or do what a function is for: by the function,
// or a package with a dot behind it.
var files = [][2]string{
	{"runtime.ReadMemStats", "runtime/memory and runtime/gc"},
	{"runtime.MemProfile", "profile/heap"},
	{"runtime.Stack", "runtime/goroutines"},
	{"runtime.Caller", "runtime/stacks"},
	{"runtime.Callers", "runtime/stacks"},
	{"runtime.GoroutineProfile", "runtime/goroutines"},
	{"runtime.Version", "runtime/version"},
	{"runtime.GOMAXPROCS", "runtime/settings/maxprocs"},
	{"runtime.SetBlockProfileRate", "profile/delta/block"},
	{"runtime.SetMutexProfileFraction", "profile/delta/mutex"},
	{"runtime/debug.Stack", "runtime/goroutines"},
	{"runtime/debug.PrintStack", "runtime/goroutines"},
	{"runtime/debug.ReadBuildInfo", "runtime/buildinfo and runtime/modules"},
	{"runtime/debug.ReadGCStats", "runtime/gc"},
	{"runtime/debug.FreeOSMemory", "a write of freeosmemory to runtime/ctl"},
	{"runtime/debug.SetGCPercent", "runtime/settings/gogc"},
	{"runtime/debug.SetMemoryLimit", "runtime/settings/memlimit"},
	{"runtime/debug.", "runtime/goroutines, runtime/gc and runtime/settings"},
	{"debug.", "runtime/goroutines, runtime/gc and runtime/settings"},
	{"runtime/metrics.", "runtime/metrics"},
	{"metrics.", "runtime/metrics"},
	{"runtime/pprof.", "profile"},
	{"pprof.", "profile"},
	{"runtime/trace.", "profile/trace"},
	{"trace.", "profile/trace"},
}

// elsewhere names the files that do what a function is for, "" where there are none.
func elsewhere(name string) string {
	path, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], ".")
	path = name[:strings.LastIndexByte(name, '/')+1] + path + "."
	for _, f := range files {
		if f[0] == name || f[0] == path {
			return " (the file has it: " + f[1] + ", in the program's tree)"
		}
	}
	switch {
	case path == "reflect.":
		return " (:type and :doc tell types, %T prints one, %#v a value)"
	case path == "encoding/json." || path == "json.":
		return " (:json GO answers as JSON)"
	}
	return ""
}

// commands are those of ispy, which people type here too.
var commands = " capture cat cd check connect console cp debug diff find grep head less ls plugins print requests servers shell stat tail threads tracebacks tree watch wc "

// verbHint says what to do with a word that is no name here, "" where there is nothing.
func verbHint(word string) string {
	switch {
	case word == "help":
		return ": type :help"
	case strings.Contains(commands, " "+word+" "):
		return ": " + word + " is a command of ispy, this is its console for Go; exit() or Ctrl-D leaves it, :help lists what there is"
	}
	return ""
}

// hinted adds to an error of the parser what somebody new may have meant.
func (s *Session) hinted(src string, err *SyntaxError) *SyntaxError {
	word, _, _ := strings.Cut(strings.TrimSpace(src), " ")
	switch {
	case word != "" && s.top.find(word) == nil && verbHint(word) != "":
		err.Text += verbHint(word)
	case strings.HasSuffix(err.Text, "'?'"):
		err.Text += ": :doc NAME tells what a name is, :type EXPR its type"
	}
	return err
}
