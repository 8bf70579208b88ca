package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/ispyd/ispyd/fs/client"
)

// world is what the pages are filled with.
type world struct {
	Ispy      program
	Ispymount program
	Commands  []command
	Topics    []topic
	Hidden    []string // topics that help lists but does not tell of
	Tree      []directory
}

// Topic returns the topic of help of that name.
func (w *world) Topic(name string) (topic, error) {
	for _, t := range w.Topics {
		if t.Name == name {
			return t, nil
		}
	}
	return topic{}, fmt.Errorf("ispy's help has no topic %q", name)
}

// look builds the programs of the module at root, runs them and asks what there
// is to know.
func look(ctx context.Context, root string) (*world, error) {
	dir, err := os.MkdirTemp("", "manual")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", dir+string(filepath.Separator),
		"./cmd/ispy", "./cmd/ispymount", "./testdata/sample")
	build.Dir = root
	if _, err := output(build); err != nil {
		return nil, err
	}
	var w world
	if w.Ispy, err = askProgram(ctx, filepath.Join(dir, "ispy")); err != nil {
		return nil, err
	}
	if w.Ispymount, err = askProgram(ctx, filepath.Join(dir, "ispymount")); err != nil {
		return nil, err
	}
	if err := w.askHelp(ctx, dir); err != nil {
		return nil, err
	}
	err = withSample(ctx, dir, func(conn *client.Conn) error {
		w.Tree, err = askTree(ctx, conn)
		return err
	})
	return &w, err
}

// output runs a command and returns what it printed; an error has what it said.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.Bytes())
	}
	return stdout.String(), nil
}

// askProgram reads a program's help page.
func askProgram(ctx context.Context, path string) (program, error) {
	page, err := output(exec.CommandContext(ctx, path, "-h"))
	if err != nil {
		return program{}, err
	}
	return parseProgram(filepath.Base(path), page)
}

// askHelp reads what ispy tells of each command and topic, where no program runs.
func (w *world) askHelp(ctx context.Context, dir string) error {
	config := filepath.Join(dir, "nobody.toml")
	listen := filepath.Join(dir, "nobody.%(pid)s.sock")
	if err := os.WriteFile(config, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n", listen), 0o600); err != nil {
		return err
	}
	help := func(name string) (string, error) {
		return output(exec.CommandContext(ctx, filepath.Join(dir, "ispy"), "-c", strings.TrimSpace("help "+name), config))
	}
	overview, err := help("")
	if err != nil {
		return err
	}
	commands, topics := parseOverview(overview)
	if len(commands) == 0 || len(topics) == 0 {
		return fmt.Errorf("ispy's help lists no commands or no topics:\n%s", overview)
	}
	for _, name := range commands {
		text, err := help(name)
		if err != nil {
			return err
		}
		c, err := parseCommand(text)
		if err != nil {
			return err
		}
		w.Commands = append(w.Commands, c)
	}
	for _, name := range topics {
		text, err := help(name)
		if err != nil {
			return err
		}
		if t, ok := parseTopic(name, text); ok {
			w.Topics = append(w.Topics, t)
		} else {
			w.Hidden = append(w.Hidden, name)
		}
	}
	return nil
}

// withSample runs the sample program and shows f its tree.
func withSample(ctx context.Context, dir string, f func(*client.Conn) error) (err error) {
	config := filepath.Join(dir, "sample.toml")
	listen := filepath.Join(dir, "%(pid)s.sock")
	if err := os.WriteFile(config, fmt.Appendf(nil, "[ispyd]\nlisten = %q\n[debugger]\nenabled = true\n[globals]\nenabled = true\nwrite = true\n[console]\nenabled = true\n", listen), 0o600); err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "sample"), "-config", config, "-http", "localhost:0")
	cmd.Env = append(os.Environ(), "ISPYD=")
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		go io.Copy(io.Discard, stdout)
		if werr := cmd.Wait(); werr != nil {
			err = errors.Join(err, fmt.Errorf("sample: %w\n%s", werr, stderr.Bytes()))
		}
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "ispyd on ")
	if !ok {
		return fmt.Errorf("sample does not say where its tree is, but %q (%w)", line, err)
	}
	conn, err := client.Dial(ctx, addr, client.Options{})
	if err != nil {
		return err
	}
	defer conn.Close()
	return f(conn)
}
