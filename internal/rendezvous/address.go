package rendezvous

import (
	"net"
	"runtime"
	"strconv"
	"strings"
)

// MaxPath is the longest path of a unix socket in bytes: the size of sun_path
// less its final NUL (unix(7); sys/un.h on darwin).
var MaxPath = maxPath(runtime.GOOS)

func maxPath(goos string) int {
	if goos == "linux" {
		return 107
	}
	return 103
}

// CheckPath reports an error that says so where path is too long for a socket.
func CheckPath(path string) error {
	if len(path) > MaxPath {
		return badAddress("%s: %d bytes are too long for the path of a socket, %d is the most on %s",
			path, len(path), MaxPath, runtime.GOOS)
	}
	return nil
}

// Network says what kind of address addr is: "unix" for an absolute path,
// "tcp" for host:port. A relative path is an error that says so.
func Network(addr string) (string, error) {
	switch {
	case addr == "":
		return "", badAddress("the address is empty; it is the absolute path of a socket, or host:port")
	case strings.ContainsRune(addr, 0):
		return "", badAddress("%q: an address holds no NUL byte", addr)
	case addr == "/":
		return "", badAddress("/ is a directory; the address is the absolute path of a socket, or host:port")
	case strings.HasPrefix(addr, "/"):
		return "unix", nil
	}
	host, port, err := net.SplitHostPort(addr)
	switch {
	case strings.Contains(addr, "/") && (err != nil || strings.Contains(host, "/")):
		return "", badAddress("%s is a relative path; the address is the absolute path of a socket, or host:port", addr)
	case err != nil:
		return "", badAddress("%s: neither the absolute path of a socket nor host:port", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", badAddress("%s: the port is a number from 0 to 65535, not %q", addr, port)
	}
	return "tcp", nil
}
