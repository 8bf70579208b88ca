// Ispy is a shell over the trees of running programs that embed ispyd: for each
// program a directory, named by its process id.
//
//	ispy ispyd.toml
//	ispy -c 'cat /14905/runtime/stacks' ispyd.toml
//
// See ispy -h.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
	"github.com/ispyd/ispyd/fs/client"
	"github.com/ispyd/ispyd/internal/cli"
)

func main() {
	os.Exit(command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// command runs ispy and returns its exit code.
func command(args []string, stdin, stdout, stderr *os.File) int {
	o, err := parse(args)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "ispy: %v\nusage: ispy [flags] [CONFIG...] (-h for help)\n", err)
		return verb.Usage
	case o.help:
		fmt.Fprint(stdout, helpPage())
		return verb.OK
	case o.version:
		fmt.Fprintln(stdout, cli.Version("ispy"))
		return verb.OK
	case o.completion != "":
		fmt.Fprint(stdout, completionScript(o.completion))
		return verb.OK
	}
	configs, err := loadConfigs(o)
	if err != nil {
		fmt.Fprintf(stderr, "ispy: %v\n", err)
		if errors.Is(err, fs.ErrPermission) {
			return verb.Denied
		}
		return verb.Usage
	}
	s := space.New(configs, o.timeout)
	defer s.Close()
	return run(o, s, stdin, stdout, stderr)
}

func loadConfigs(o options) ([]*client.Config, error) {
	sources := o.configs
	if len(sources) == 0 {
		source, err := client.DefaultConfig()
		if err != nil && o.program == "" && !o.all && onlyHelp(o.script) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w; name one, or a socket, or host:port", err)
		}
		sources = []string{source}
	}
	var configs []*client.Config
	for _, source := range sources {
		config, err := client.Load(source, o.root)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(source, "./:"):
			// A word looks like a command: ispy help.
			return nil, fmt.Errorf("%w (commands stand after -c; -h for help)", err)
		case err != nil:
			return nil, err
		}
		config.Timeout = min(config.Timeout, o.timeout)
		configs = append(configs, config)
	}
	return configs, nil
}
