package trigger

import "fmt"

// later are the sources that come with plugins which a program passes to
// ispyd.Start. They are here so that an expression of the configuration can be
// checked before these plugins are opened.
var later = []struct {
	name   string
	unit   Unit
	plugin string
}{
	{"grpc.slow", Seconds, "grpc.Plugin"},
	{"http.slow", Seconds, "http.Plugin"},
	{"sql.held", Seconds, "sql.Plugin"},
	{"sql.slow", Seconds, "sql.Plugin"},
}

// comesLater returns a source that nobody has registered, without Read.
func comesLater(name string) (Source, bool) {
	for _, l := range later {
		if l.name == name {
			return Source{Name: name, Unit: l.unit, check: func() error {
				return fmt.Errorf("%s comes with %s, which this program does not pass to ispyd.Start", name, l.plugin)
			}}, true
		}
	}
	return Source{}, false
}

// Ready says why the condition cannot come true as things are: nobody provides
// its source, or the source has nothing to read. It is nil where it can. Things
// may change.
func (e Expr) Ready() error {
	if e.Source.check == nil {
		return nil
	}
	return e.Source.check()
}
