package pclntab

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
)

// Version holds what is known of one Go minor version. A new one is added when
// TestVersions, which lists what to look at, passes with it.
type Version struct {
	// Minor is the 26 of go1.26.
	Minor int
	// Magic is the first word of the table (internal/abi.CurrentPCLnTabMagic).
	Magic uint32

	// Offsets in bytes on amd64, in runtime.g (runtime2.go): the bounds of the
	// stack and the current M.
	GStackLo, GStackHi, GM uint32
	// Offsets in bytes on amd64, in runtime.m: the goroutine it runs and what
	// runtime.gopanic asks before it goes to work. MPreemptoff is the string's length.
	MCurg, MMallocing, MPreemptoff, MLocks uint32
}

// Versions are the verified Go versions. Patch releases count as their minor
// version; what could differ between them is checked where it is used.
var Versions = []Version{
	{
		Minor: 26, Magic: 0xfffffff1,
		GStackLo: 0, GStackHi: 8, GM: 48,
		MCurg: 184, MMallocing: 240, MPreemptoff: 248 + 8, MLocks: 264,
	},
}

// VersionOf finds the entry for a version as runtime.Version spells it. The
// error is errors.ErrUnsupported and names the versions that would do.
func VersionOf(version string) (Version, error) {
	minor, ok := minorOf(version)
	known := make([]string, len(Versions))
	for i, v := range Versions {
		if ok && v.Minor == minor {
			return v, nil
		}
		known[i] = "go1." + strconv.Itoa(v.Minor)
	}
	return Version{}, fmt.Errorf("%s is not a verified Go version (verified: %s): %w", version, strings.Join(known, ", "), errors.ErrUnsupported)
}

// Current is VersionOf the running program.
func Current() (Version, error) { return VersionOf(runtime.Version()) }

// minorOf reads the 26 of go1.26, go1.26.8, go1.26rc1 or "go1.26.8 X:exp".
// Development versions have none: they may differ from any release.
func minorOf(version string) (int, bool) {
	rest, ok := strings.CutPrefix(version, "go1.")
	if !ok {
		return 0, false
	}
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	minor, err := strconv.Atoi(rest[:n])
	return minor, err == nil
}
