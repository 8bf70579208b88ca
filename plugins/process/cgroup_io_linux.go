package process

import (
	"context"
	"path"
	"sort"
	"strconv"
	"strings"

	"github.com/ispyd/ispyd/internal/report"
	"github.com/ispyd/ispyd/nodes"
)

// deviceIO is what the group did on one block device.
type deviceIO struct {
	Device   string      `json:"device"` // major:minor
	Name     report.Word `json:"name"`
	Read     uint64      `json:"read_bytes"`
	Written  uint64      `json:"written_bytes"`
	Reads    uint64      `json:"reads"`
	Writes   uint64      `json:"writes"`
	Discard  uint64      `json:"discarded_bytes"`
	Discards uint64      `json:"discards"`
}

// counter returns the counter that a word of the kernel's stands for.
func (d *deviceIO) counter(key string, operations bool) *uint64 {
	switch key {
	case "rbytes":
		return &d.Read
	case "wbytes":
		return &d.Written
	case "rios":
		return &d.Reads
	case "wios":
		return &d.Writes
	case "dbytes":
		return &d.Discard
	case "dios":
		return &d.Discards
	case "Read":
		if operations {
			return &d.Reads
		}
		return &d.Read
	case "Write":
		if operations {
			return &d.Writes
		}
		return &d.Written
	case "Discard":
		if operations {
			return &d.Discards
		}
		return &d.Discard
	}
	return nil
}

// ioFile returns the hierarchy that counts input and output, nil for none.
func (s system) ioFile(list []*hierarchy) *hierarchy {
	h := controller(list, "blkio")
	if h == nil {
		return nil
	}
	file := "io.stat"
	if h.Version == "v1" {
		file = "blkio.throttle.io_service_bytes"
	}
	if !s.readable(path.Join(h.Dir, file)) {
		return nil
	}
	return h
}

func (s system) io(context.Context) ([]deviceIO, error) {
	list, err := s.hierarchies()
	if err != nil {
		return nil, err
	}
	h := s.ioFile(list)
	if h == nil {
		return nil, nodes.Errorf(nodes.ErrNotSupported, "the group of this process does not count input and output")
	}
	devices := make(map[string]*deviceIO)
	if h.Version == "v1" {
		bytes, _ := h.value("blkio.throttle.io_service_bytes")
		parseBlkio(bytes, false, devices)
		operations, _ := h.value("blkio.throttle.io_serviced")
		parseBlkio(operations, true, devices)
	} else {
		v, _ := h.value("io.stat")
		parseIOStat(v, devices)
	}
	names := s.deviceNames()
	rows := make([]deviceIO, 0, len(devices))
	for _, d := range devices {
		d.Name = report.Word(names[d.Device])
		rows = append(rows, *d)
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].Device < rows[j].Device })
	return rows, nil
}

// parseIOStat parses "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6".
func parseIOStat(text string, devices map[string]*deviceIO) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || !isDevice(f[0]) {
			continue
		}
		for _, pair := range f[1:] {
			key, value, _ := strings.Cut(pair, "=")
			count(devices, f[0], key, value, false)
		}
	}
}

// parseBlkio parses "8:0 Read 123" of cgroup v1.
func parseBlkio(text string, operations bool, devices map[string]*deviceIO) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 3 && isDevice(f[0]) {
			count(devices, f[0], f[1], f[2], operations)
		}
	}
}

func count(devices map[string]*deviceIO, device, key, value string, operations bool) {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return
	}
	d := devices[device]
	if d == nil {
		d = &deviceIO{Device: device}
		devices[device] = d
	}
	if c := d.counter(key, operations); c != nil {
		*c = n
	}
}

func isDevice(s string) bool {
	major, minor, ok := strings.Cut(s, ":")
	_, err1 := strconv.ParseUint(major, 10, 32)
	_, err2 := strconv.ParseUint(minor, 10, 32)
	return ok && err1 == nil && err2 == nil
}

// deviceNames maps major:minor to the names of block devices.
func (s system) deviceNames() map[string]string {
	names := make(map[string]string)
	b, err := s.read("/proc/partitions")
	if err != nil {
		return names
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 4 {
			names[f[0]+":"+f[1]] = f[3]
		}
	}
	return names
}
