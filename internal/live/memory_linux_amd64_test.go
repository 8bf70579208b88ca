package live

import (
	"bytes"
	"syscall"
	"testing"
	"unsafe"
)

// TestReadFile reads what process_vm_readv reads, and faults where it does.
func TestReadFile(t *testing.T) {
	want := bytes.Repeat([]byte("memory"), 3000)
	at := uintptr(unsafe.Pointer(&want[0]))
	for _, read := range []func(uintptr, []byte) error{readMemory, readFile} {
		got := make([]byte, len(want))
		if err := read(at, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %.20q", err, got)
		}
		for _, addr := range []uintptr{4096, 1<<46 + 4096, 1<<63 + 8} {
			if err := read(addr, got[:8]); err != syscall.EFAULT {
				t.Errorf("%#x: %v", addr, err)
			}
		}
	}
}
