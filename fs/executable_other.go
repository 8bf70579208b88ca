//go:build !linux

package fs

// executable is not told.
func executable(int) string { return "" }
