package process

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// pressure is one line of a pressure file of the kernel (PSI).
type pressure struct {
	Scope    string         `json:"scope"`    // cgroup or machine
	Resource string         `json:"resource"` // cpu, memory, io, irq
	Kind     string         `json:"kind"`     // some tasks waited, or all of them
	Avg10    float64        `json:"avg10"`    // percent
	Avg60    float64        `json:"avg60"`
	Avg300   float64        `json:"avg300"`
	Total    report.Seconds `json:"total"`
}

type pressureFile struct{ scope, resource, path string }

// pressureFiles returns the files that can be read: the kernel may be built or
// started without them.
func (s system) pressureFiles(list []*hierarchy) []pressureFile {
	var files []pressureFile
	add := func(scope, resource, p string) {
		if s.readable(p) {
			files = append(files, pressureFile{scope, resource, p})
		}
	}
	for _, resource := range []string{"cpu", "memory", "io", "irq"} {
		for _, h := range list {
			// The root of all groups is the machine.
			if h.Version == "v2" && s.exists(path.Join(h.Dir, "cgroup.type")) {
				add("cgroup", resource, path.Join(h.Dir, resource+".pressure"))
			}
		}
	}
	for _, resource := range []string{"cpu", "memory", "io", "irq"} {
		add("machine", resource, "/proc/pressure/"+resource)
	}
	return files
}

func (s system) pressure(context.Context) ([]pressure, error) {
	list, err := s.hierarchies()
	if err != nil {
		return nil, err
	}
	var rows []pressure
	for _, f := range s.pressureFiles(list) {
		b, err := s.read(f.path)
		if err != nil {
			return nil, err
		}
		for _, p := range parsePressure(b) {
			p.Scope, p.Resource = f.scope, f.resource
			rows = append(rows, p)
		}
	}
	if rows == nil {
		return nil, nodes.Errorf(nodes.ErrNotSupported, "this kernel does not measure pressure")
	}
	return rows, nil
}

// parsePressure parses "some avg10=0.00 avg60=0.00 avg300=0.00 total=0".
func parsePressure(b []byte) []pressure {
	var rows []pressure
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		p := pressure{Kind: f[0]}
		for _, pair := range f[1:] {
			key, value, _ := strings.Cut(pair, "=")
			v, err := strconv.ParseFloat(value, 64)
			if err != nil || !(v >= 0 && v < 1<<63) {
				continue
			}
			switch key {
			case "avg10":
				p.Avg10 = v
			case "avg60":
				p.Avg60 = v
			case "avg300":
				p.Avg300 = v
			case "total":
				p.Total = report.Seconds(v / 1e6)
			}
		}
		rows = append(rows, p)
	}
	return rows
}
