package nodes_test

import (
	"context"
	"testing"

	"github.com/ispyd/ispyd/nodes"
)

// rude panics when it is asked what it is.
type rude struct{ nodes.File }

func (rude) Name() string     { return "rude" }
func (rude) Attr() nodes.Attr { panic("Attr") }

// One bad node costs its own line, not README.
func TestExplainBadNodes(t *testing.T) {
	good := nodes.Static("good", "a file", nil)
	dir := nodes.Dynamic("dir", "a directory", func(context.Context, string) (nodes.Node, error) { return good, nil },
		func(context.Context) ([]nodes.Node, error) { return []nodes.Node{nil, rude{good}, good}, nil })
	lines := nodes.Explain(t.Context(), dir)
	if len(lines) != 1 || lines[0].Path != "good" {
		t.Errorf("%v", lines)
	}
}
