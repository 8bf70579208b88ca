package postmortem

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ispyd/ispyd/cmd/ispy/internal/space"
	"github.com/ispyd/ispyd/cmd/ispy/internal/verb"
)

// open opens a core with the first executable that it is of: the one that is
// named, that of the process where it runs here, or what is at the path that the
// process says or the core.
func (u *use) open(ctx context.Context, c *verb.Call, core, program string) (*dead, error) {
	if u.exe != "" {
		return openDead(core, strings.TrimPrefix(u.exe, space.LocalPrefix))
	}
	info, ours, err := checkCore(core)
	if err != nil {
		return nil, err
	}
	var tries []string
	said := info.Executable
	if program != "" {
		if server, ok := c.Space.Known(program); ok && server.PID > 0 {
			// It leads to the program that runs, also where its file was
			// replaced.
			tries = append(tries, fmt.Sprintf("/proc/%d/exe", server.PID))
		}
		if text, err := c.Space.ReadFile(ctx, "/"+program+"/process/executable"); err == nil {
			said = strings.TrimSpace(string(text))
		}
	}
	if said = strings.TrimSuffix(said, " (deleted)"); said != "" {
		tries = append(tries, filepath.Join("/", c.Space.Root(), said))
	}
	// The error that says most: of a program that is there but is not the one.
	var told *buildError
	for _, try := range tries {
		err := checkProgram(try, info, ours)
		if err == nil {
			return openDead(core, try)
		}
		var wrong *buildError
		if errors.As(err, &wrong) && (told == nil || strings.Contains(told.text, "/proc/")) {
			told = wrong
		}
	}
	switch {
	case told != nil:
		return nil, told
	case said == "":
		return nil, verb.Usagef("the core does not say what program it is of: name it with -exe FILE")
	}
	return nil, fmt.Errorf("the executable %s cannot be read here: name it, or a copy of it, with -exe FILE (%w)", said, os.ErrNotExist)
}
