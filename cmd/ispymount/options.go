package main

import "time"

// options are what the command line says.
type options struct {
	config     string // a configuration, the path of a socket, or host:port
	mountpoint string
	root       string // where paths of sockets begin
	allowOther bool
	timeout    time.Duration // of an operation that is not slow by nature
	memory     int64         // bytes of snapshots
	debug      bool
	owner      owner // of the root directory
	times
}

// times are for how long what has been looked up is remembered.
type times struct {
	// share is how long later lookups get the snapshot of an earlier one.
	// The kernel alone looks a changed name up twice in a row.
	share time.Duration
	// keep is how long a file stays known that nobody has opened since it was
	// last looked up. Who comes later is sent to look it up again.
	keep time.Duration
	// keepTimed is how long a capture waits for its first reader.
	keepTimed time.Duration
}

var defaultTimes = times{share: time.Second, keep: 2 * time.Second, keepTimed: 30 * time.Second}

// owner is whom files belong to.
type owner struct{ uid, gid uint32 }
