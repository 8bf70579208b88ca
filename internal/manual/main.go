// Manual writes the manual pages of cmd/ispy/man: prose of its own (pages/*.md),
// filled with what the programs say of themselves, so that no page tells of a
// flag, a command or a file that is not there.
//
//	go run ./internal/manual
//
// What is the program's own affair, pids, versions, the metrics of this Go, stays
// out: the pages are the same wherever they are made.
package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed pages
var sources embed.FS

// pages are the manual pages; pages/NAME.md is what each is made of.
var pages = []string{"ispy.1", "ispymount.1", "ispyd.4", "ispyd.toml.5", "ispyd-debugger.7", "ispyd-console.7"}

// pagesDir is where the pages are kept, in the module's directory.
const pagesDir = "cmd/ispy/man"

func main() {
	if err := write(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

// write writes the pages into the module around the working directory.
func write(ctx context.Context) error {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	world, err := look(ctx, root)
	if err != nil {
		return err
	}
	for _, name := range world.Hidden {
		fmt.Fprintf(os.Stderr, "manual: left out: the topic %s, which help lists, but help %s does not tell of\n", name, name)
	}
	for _, name := range pages {
		page, err := generate(name, world)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, pagesDir, name), page, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate makes one page.
func generate(name string, w *world) ([]byte, error) {
	source := "pages/" + name + ".md"
	t, err := template.New(filepath.Base(source)).Funcs(template.FuncMap{
		"text": escape, "code": code, "flags": flagList, "blocks": blocks, "lines": codeBlock,
	}).ParseFS(sources, source)
	if err != nil {
		return nil, err
	}
	var md bytes.Buffer
	if err := t.Execute(&md, w); err != nil {
		return nil, err
	}
	return roff(md.Bytes()), nil
}
