package postmortem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

func check() verb.Verb {
	return verb.Verb{
		Name: "check",
		Args: "[PROGRAM]",
		Doc:  "say whether a program can be probed, and what each condition would take",
		More: `A line for each condition: its name, its state, what was found, and what would
change it. It is what the program's file debugger/status says; nothing is
probed. The exit code is 1 where probes do not work.`,
		Examples: []string{"check"},
		Flags: func(flags *pflag.FlagSet) verb.Run {
			asJSON := flags.BoolP("json", "j", false, "print the conditions as JSON")
			return func(ctx context.Context, c *verb.Call) error { return checkProgramOf(ctx, c, *asJSON || c.JSON) }
		},
	}
}

// condition is a line of debugger/status.
type condition struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

func checkProgramOf(ctx context.Context, c *verb.Call, asJSON bool) error {
	dir := c.Dir
	switch len(c.Args) {
	case 0:
	case 1:
		dir = space.Abs("/", c.Args[0])
	default:
		return c.WrongUse()
	}
	program, _ := space.Split(dir)
	if _, local := space.Local(dir); local || program == "" {
		return verb.Usagef("it checks the program that you are in, or check PID")
	}
	status := "/" + program + "/debugger/status"
	if twin, ok := c.Space.Twin(ctx, status); ok {
		status = twin
	}
	text, err := c.Space.ReadFile(ctx, status)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the program has no debugger: it embeds an ispyd without (%w)", err)
	}
	if err != nil {
		return err
	}
	var list []condition
	if err := json.Unmarshal(text, &list); err != nil {
		// Where the plugin is off it is a sentence.
		if _, err := c.Stdout.Write(text); err != nil {
			return err
		}
		return nil
	}
	if asJSON {
		_, err = c.Stdout.Write(text)
	} else {
		w := tabwriter.NewWriter(c.Stdout, 0, 8, 2, ' ', 0)
		for _, l := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\n", l.Name, l.State, l.Detail)
			if l.Remedy != "" {
				fmt.Fprintf(w, "\t\t  -> %s\n", l.Remedy)
			}
		}
		err = w.Flush()
	}
	if err != nil {
		return err
	}
	for _, l := range list {
		if l.Name == "engine" && (l.State == "refused" || l.State == "off") {
			return verb.Silent(verb.Failed)
		}
	}
	return nil
}
