package main

import (
	"runtime"
	"syscall"
	"unsafe"
)

const (
	sysSeccomp      = 317
	setModeFilter   = 1
	filterAllTasks  = 1
	setNoNewPrivs   = 38
	retAllow        = 0x7fff0000
	retErrno        = 0x00050000
	loadWord        = syscall.BPF_LD | syscall.BPF_W | syscall.BPF_ABS
	jumpIfEqual     = syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K
	and             = syscall.BPF_ALU | syscall.BPF_AND | syscall.BPF_K
	ret             = syscall.BPF_RET | syscall.BPF_K
	offsetOfNumber  = 0
	offsetOfFirst   = 16
	sizeOfArguments = 8
)

// deny makes a system call fail from now on, when its argument arg, masked, is value.
func deny(number, arg, mask, value uint32, errno syscall.Errno) error {
	filter := []syscall.SockFilter{
		{Code: loadWord, K: offsetOfNumber},
		{Code: jumpIfEqual, K: number, Jf: 4},
		{Code: loadWord, K: offsetOfFirst + sizeOfArguments*arg},
		{Code: and, K: mask},
		{Code: jumpIfEqual, K: value, Jf: 1},
		{Code: ret, K: retErrno | uint32(errno)},
		{Code: ret, K: retAllow},
	}
	prog := syscall.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, _, e := syscall.RawSyscall(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0); e != 0 {
		return e
	}
	if _, _, e := syscall.RawSyscall(sysSeccomp, setModeFilter, filterAllTasks, uintptr(unsafe.Pointer(&prog))); e != 0 {
		return e
	}
	return nil
}
