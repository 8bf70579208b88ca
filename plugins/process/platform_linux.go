package process

import (
	"context"
	"io"
	"os"

	"github.com/ispyd/ispyd/nodes"
)

// platform returns what Linux tells. All of it is listed also where /proc is
// restricted: what is missing is said when a file is opened.
func platform(s system) []nodes.Node {
	list := []nodes.Node{
		s.link("cwd", "current working directory, as the kernel resolved it (/proc/self/cwd)", "/proc/self/cwd", os.Getwd),
		s.link("executable", "path of the program's file; the kernel adds (deleted) where it is gone or replaced (/proc/self/exe)", "/proc/self/exe", os.Executable),
		nodes.Value("limits", "resource limits: soft, hard, their unit, and how much is used where that is known (/proc/self/limits)", s.limits),
		nodes.Value("fds", "open file descriptors: kind, target, addresses, state and queues (bytes) of sockets, flags, offset (bytes) (/proc/self/fd, getsockname, TCP_INFO)", s.fds),
		nodes.Value("threads", "threads of the operating system: state, CPU time, time runnable without a CPU, CPU, kernel function waited in, context switches; in JSON seconds (/proc/self/task)", s.threads),
		nodes.Value("usage", "resources used since the start: seconds, bytes and counts, with their meaning (getrusage, /proc/self/io)", s.usage),
		nodes.Value("memory", "where the resident memory is: the kernel's view beside Go's own and the cgroup's limit, in bytes, with their meaning (/proc/self/status, runtime/metrics, cgroup)", s.memory),
		nodes.Text("maps", "memory mappings, in the kernel's format: address, permissions, offset, device, inode, path (/proc/self/maps)", s.file("/proc/self/maps")),
		nodes.Unlisted(nodes.Text("smaps", "sums over all mappings, in kB: proportional and shared sizes, huge pages; holds up the growth of memory for about 5 ms a GiB (/proc/self/smaps_rollup)", s.file("/proc/self/smaps_rollup"))),
	}
	list = append(list, s.startTimes()...)
	if g := s.cgroup(); g != nil {
		list = append(list, g)
	}
	return list
}

// link returns a file that shows the target of a link of /proc, or what Go
// tells where that cannot be read.
func (s system) link(name, doc, path string, otherwise func() (string, error)) nodes.File {
	return nodes.Value(name, doc, func(context.Context) (string, error) {
		target, err := os.Readlink(s.root + path)
		if err == nil {
			return target, nil
		}
		if target, err := otherwise(); err == nil {
			return target, nil
		}
		return "", explain(path, err)
	})
}

// file returns the renderer of a file of /proc as it is.
func (s system) file(path string) func(context.Context, io.Writer) error {
	return func(ctx context.Context, w io.Writer) error {
		f, err := os.Open(s.root + path)
		if err != nil {
			return explain(path, err)
		}
		defer f.Close()
		buf := make([]byte, 64<<10)
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			n, err := f.Read(buf)
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return explain(path, err)
			}
		}
	}
}
