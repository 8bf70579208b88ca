package process

import "github.com/ispyd/ispyd/internal/report"

import "context"

// ioCounts are the lines of /proc/self/io.
var ioCounts = []struct{ key, name, unit, meaning string }{
	{"rchar", "read_bytes", report.InBytes, "bytes read by read calls, from anywhere: files, pipes, the page cache; sockets that Go reads count too"},
	{"wchar", "written_bytes", report.InBytes, "bytes written by write calls, to anywhere"},
	{"syscr", "read_calls", report.InCount, "read calls"},
	{"syscw", "write_calls", report.InCount, "write calls"},
	{"read_bytes", "disk_read_bytes", report.InBytes, "bytes that had to come from a disk"},
	{"write_bytes", "disk_written_bytes", report.InBytes, "bytes sent towards a disk"},
	{"cancelled_write_bytes", "disk_cancelled_bytes", report.InBytes, "bytes of those that never got there, as the file was truncated or removed before"},
}

// usage tells what the process has used since its start.
func (s system) usage(context.Context) (report.Report, error) {
	var r report.Report
	if err := rusage(&r); err != nil {
		return r, err
	}
	b, err := s.read("/proc/self/io")
	if err != nil {
		r.Note("input and output are not known: %v", err)
		return r, nil
	}
	k := parseKeyed(b)
	for _, c := range ioCounts {
		if n, ok := k.number(c.key); ok {
			r.Add(c.name, n, c.unit, c.meaning)
		}
	}
	return r, nil
}
