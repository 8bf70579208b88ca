package fs

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// executable is the name of the program that process pid runs, "" if that
// cannot be told.
func executable(pid int) string {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	if exe, err := os.Readlink(filepath.Join(proc, "exe")); err == nil {
		return strings.TrimSuffix(filepath.Base(exe), " (deleted)")
	}
	comm, err := os.ReadFile(filepath.Join(proc, "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(comm))
}
