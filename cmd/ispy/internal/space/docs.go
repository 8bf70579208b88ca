package space

import (
	"context"
	"path"
	"strings"
	"time"
)

// Doc is what a tree says of one of its files.
type Doc struct {
	Kind string // static, value, text, ctl, stream, dir …
	Text string // one line
}

// docsAge is how old the docs of a program may be when a file is not among them:
// a tree grows while its program runs.
const docsAge = 10 * time.Second

// Doc is the documentation of a file, empty where its tree has none. A file in a
// directory whose names are made as they are asked for is documented by its
// pattern: goroutine/17 by goroutine/ID.
func (s *Space) Doc(ctx context.Context, abs string) Doc {
	name, in := Split(abs)
	if in == "" {
		return Doc{}
	}
	p, err := s.dial(ctx, name)
	if err != nil {
		return Doc{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.docs == nil {
		p.readDocs(ctx)
	}
	doc, ok := p.lookup(in)
	if !ok && time.Since(p.read) > docsAge {
		p.readDocs(ctx)
		doc, _ = p.lookup(in)
	}
	return doc
}

// Docs is all that a program's tree says of its files, by path in the tree.
// Patterns of names are among them: runtime/goroutine/ID.
func (s *Space) Docs(ctx context.Context, name string) (map[string]Doc, error) {
	p, err := s.dial(ctx, name)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err = p.readDocs(ctx)
	return p.docs, err
}

// readDocs reads the README of the tree: path, kind, doc, separated by tabs,
// below a header.
func (p *program) readDocs(ctx context.Context) error {
	readme, err := p.conn.ReadFile(ctx, "README")
	if err != nil {
		if p.docs == nil && ctx.Err() == nil {
			p.docs = map[string]Doc{}
		}
		return err
	}
	docs := map[string]Doc{}
	for line := range strings.Lines(string(readme)) {
		if f := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 3); len(f) == 3 && f[0] != "path" {
			docs[strings.Trim(f[0], "/")] = Doc{f[1], f[2]}
		}
	}
	p.docs, p.read = docs, time.Now()
	return nil
}

func (p *program) lookup(name string) (Doc, bool) {
	name = strings.Trim(path.Clean("/"+name), "/")
	if doc, ok := p.docs[name]; ok {
		return doc, true
	}
	if base, ok := strings.CutSuffix(name, ".json"); ok {
		if doc, ok := p.docs[base]; ok {
			doc.Text += " (JSON)"
			return doc, true
		}
	}
	parts := strings.Split(name, "/")
	for pattern, doc := range p.docs {
		if strings.Count(pattern, "/") == len(parts)-1 && matches(pattern, parts) {
			return doc, true
		}
	}
	return Doc{}, false
}

// matches says that the path is one of those that the pattern stands for: its
// parts in capitals stand for any name.
func matches(pattern string, parts []string) bool {
	for i, p := range strings.Split(pattern, "/") {
		if p != parts[i] && !Placeholder(p) {
			return false
		}
	}
	return true
}

// Placeholder says that the part of a documented path stands for any name: ID,
// DUR, N.
func Placeholder(part string) bool {
	for _, c := range part {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return part != "" && part[0] >= 'A' && part[0] <= 'Z' && part != "README"
}
