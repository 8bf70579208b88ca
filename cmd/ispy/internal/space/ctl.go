package space

import (
	"context"
	"path"
	"strings"
)

// CtlVerb is a command of a ctl file.
type CtlVerb struct {
	Name string
	Args string // [level], ID, <functions> …
	Doc  string
}

// Ctl lists the verbs of the file ctl in the directory; none where there is no
// such file.
func (s *Space) Ctl(ctx context.Context, dir string) ([]CtlVerb, error) {
	name, in := Split(dir)
	if name == "" {
		return nil, nil
	}
	p, err := s.dial(ctx, name)
	if err != nil {
		return nil, err
	}
	text, err := p.conn.ReadFile(ctx, path.Join(in, "ctl"))
	if err != nil {
		return nil, within(name, err)
	}
	return parseCtl(string(text)), nil
}

// parseCtl reads what a ctl file shows: verb, args, doc, separated by tabs.
func parseCtl(text string) []CtlVerb {
	var verbs []CtlVerb
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 3)
		if f[0] == "" || len(f) < 2 {
			continue
		}
		v := CtlVerb{Name: f[0], Args: f[1]}
		if len(f) == 3 {
			v.Doc = f[2]
		}
		verbs = append(verbs, v)
	}
	return verbs
}
