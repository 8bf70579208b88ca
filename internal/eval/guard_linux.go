package eval

import "syscall"

// endingCalls are the system calls that may end the process.
var endingCalls = []uint64{syscall.SYS_EXIT, syscall.SYS_EXIT_GROUP, syscall.SYS_EXECVE, syscall.SYS_KILL, syscall.SYS_TKILL, syscall.SYS_TGKILL}
