package debugger

import (
	"context"

	"github.com/ispyd/ispyd/nodes"
)

type sites struct{}

func (s *sites) remove() error { return nil }

type observation struct{}

func (p *plugin) patch(pr *probe, t *target, o *observation) (*sites, error) {
	return nil, nodes.ErrNotSupported
}

func (p *plugin) observe(ctx context.Context, args []string) error { return nodes.ErrNotSupported }

func (p *plugin) observed() nodes.Dir {
	return nodes.Directory("observed", "x")
}

func (p *plugin) values(t *traceback) {}
