package process

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/ispyd/ispyd/internal/report"
)

const (
	fdDir  = "/proc/self/fd"
	maxFDs = 1 << 16 // more are counted, not shown
)

// descriptor is one open file descriptor.
type descriptor struct {
	FD     int              `json:"fd"`
	Kind   string           `json:"kind"`
	Target report.Word      `json:"target"`
	Local  report.Word      `json:"local,omitempty"`
	Peer   report.Word      `json:"peer,omitempty"`
	State  report.Word      `json:"state,omitempty"`
	RecvQ  *report.Quantity `json:"recvq,omitempty"`
	SendQ  *report.Quantity `json:"sendq,omitempty"`
	Flags  report.Word      `json:"flags,omitempty"`
	Offset *int64           `json:"offset,omitempty"`
	Detail report.Word      `json:"detail,omitempty"`
}

// eachFD calls f with the number of every open descriptor but the one that
// this takes, in no order.
func (s system) eachFD(ctx context.Context, f func(fd int) error) error {
	dir, err := os.Open(s.root + fdDir)
	if err != nil {
		return explain(fdDir, err)
	}
	defer dir.Close()
	own := int(dir.Fd())
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			fd, err := strconv.Atoi(name)
			if err != nil || fd == own {
				continue
			}
			if err := f(fd); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return explain(fdDir, err)
		}
	}
}

// fds lists the open descriptors. Sockets are asked themselves for their
// addresses, by calls that change nothing of them: /proc/net would list, and
// cost, every socket of the machine.
func (s system) fds(ctx context.Context) (table[descriptor], error) {
	var open []int
	t := table[descriptor]{what: "descriptors are open"}
	err := s.eachFD(ctx, func(fd int) error {
		if len(open) < maxFDs {
			open = append(open, fd)
		} else {
			t.more++
		}
		return nil
	})
	if err != nil {
		return table[descriptor]{}, err
	}
	slices.Sort(open)
	t.rows = make([]descriptor, 0, len(open))
	buf := make([]byte, 4096)
	for _, fd := range open {
		if err := ctx.Err(); err != nil {
			return table[descriptor]{}, err
		}
		if d, ok := s.describe(fd, buf); ok {
			t.rows = append(t.rows, d)
		}
	}
	return t, nil
}

// describe returns what one descriptor is; false where it was closed meanwhile.
func (s system) describe(fd int, buf []byte) (descriptor, bool) {
	number := strconv.Itoa(fd)
	n, err := retry(func() (int, error) { return syscall.Readlink(s.root+fdDir+"/"+number, buf) })
	if err != nil {
		return descriptor{}, false
	}
	target := string(buf[:n])
	d := descriptor{FD: fd, Kind: kindOf(target), Target: report.Word(target)}
	switch d.Kind {
	case "socket":
		describeSocket(fd, &d)
	case "epoll":
		// Its fdinfo lists every descriptor watched, and holds up the events
		// meanwhile.
	default:
		if b, err := readSmall(s.root+"/proc/self/fdinfo/"+number, buf); err == nil {
			describeInfo(b, &d)
		}
	}
	return d, true
}

// kindOf tells the kind of a descriptor from the target of its link.
func kindOf(target string) string {
	switch {
	case strings.HasPrefix(target, "/memfd:"):
		return "memfd"
	case strings.HasPrefix(target, "/dev/") && !strings.HasPrefix(target, "/dev/shm/"):
		return "device"
	case strings.HasPrefix(target, "/"):
		return "file"
	}
	if name, ok := strings.CutPrefix(target, "anon_inode:"); ok {
		switch name = strings.Trim(name, "[]"); name {
		case "eventpoll":
			return "epoll"
		case "":
			return "anonymous"
		}
		return name
	}
	if kind, _, ok := strings.Cut(target, ":["); ok {
		switch kind {
		case "socket", "pipe":
			return kind
		}
		return "namespace"
	}
	return "other"
}

// describeInfo adds what /proc/self/fdinfo tells.
func describeInfo(b []byte, d *descriptor) {
	k := parseKeyed(b)
	flags, err := strconv.ParseUint(k["flags"], 8, 64)
	if err == nil {
		d.Flags = report.Word(flagNames(int(flags)))
		if d.Kind == "file" && flags&syscall.O_DIRECTORY != 0 {
			d.Kind = "directory"
		}
	}
	switch d.Kind {
	case "file", "memfd", "directory":
		if pos, err := strconv.ParseInt(k["pos"], 10, 64); err == nil {
			d.Offset = &pos
		}
	case "eventfd":
		d.detail("count", k["eventfd-count"])
	case "pidfd":
		d.detail("pid", k["Pid"])
	case "signalfd":
		d.detail("mask", k["sigmask"])
	case "timerfd":
		d.detail("expires", k["it_value"])
	case "inotify":
		d.detail("watches", strconv.Itoa(bytes.Count(b, []byte("\ninotify "))))
	}
}

func (d *descriptor) detail(name, value string) {
	if value != "" {
		d.Detail = report.Word(strings.TrimPrefix(string(d.Detail)+" "+name+"="+value, " "))
	}
}

// flagNames returns the open flags in words.
func flagNames(flags int) string {
	names := []string{"read"}
	switch flags & syscall.O_ACCMODE {
	case syscall.O_WRONLY:
		names[0] = "write"
	case syscall.O_RDWR:
		names = append(names, "write")
	}
	for _, f := range []struct {
		bit  int
		name string
	}{
		{syscall.O_APPEND, "append"}, {syscall.O_NONBLOCK, "nonblock"}, {syscall.O_DSYNC, "sync"}, {syscall.O_DIRECT, "direct"},
	} {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	// What a child of exec would inherit is worth a word, the usual is not.
	if flags&syscall.O_CLOEXEC == 0 {
		names = append(names, "inherited")
	}
	return strings.Join(names, ",")
}
