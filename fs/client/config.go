package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/internal/nearest"
	"github.com/ispyd/ispyd/internal/rendezvous"
)

// Config says where servers are to be found.
type Config struct {
	// Source is what it was made of: the configuration file, or the address
	// itself.
	Source string
	// Listen is the address pattern: what [ispyd] listen says, or the one
	// address.
	Listen string
	// Root is a directory that sockets are looked up beneath, "" for none:
	// see [Options.Root].
	Root string
	// Timeout is how long each server may take to answer when they are
	// listed. Default 2 s.
	Timeout time.Duration

	pattern rendezvous.Pattern
}

// The section and the key that clients read. What else there is, is for the
// program, which may be of another version.
const (
	mainSection = "ispyd"
	listenKey   = "listen"
)

// Load makes a Config of a configuration file, the path of a socket, a pattern
// of such paths, or host:port. Of the file it reads [ispyd] listen alone; an
// error names file, line and key. root is as [Options.Root]: it holds for
// sockets, not for the file.
func Load(arg, root string) (*Config, error) {
	if root != "" {
		abs, err := filepath.Abs(root)
		if err != nil {
			return nil, err
		}
		if st, err := os.Stat(abs); err != nil {
			return nil, fmt.Errorf("the root %s: %w", root, bare(err))
		} else if !st.IsDir() {
			return nil, fmt.Errorf("the root %s is not a directory", root)
		}
		root = abs
	}
	c := &Config{Source: arg, Root: root, Timeout: 2 * time.Second}
	var err error
	if c.Listen, err = listen(arg, root); err != nil {
		return nil, err
	}
	if c.pattern, err = rendezvous.Parse(c.Listen); err != nil {
		return nil, err
	}
	return c, nil
}

// listen finds out what arg is, and returns the pattern it stands for.
func listen(arg, root string) (string, error) {
	if arg == "" {
		return "", errors.New("neither a configuration file nor an address is given")
	}
	if strings.Contains(arg, "%(") {
		return arg, nil
	}
	if root != "" && filepath.IsAbs(arg) {
		if st, err := rendezvous.Stat(root, arg); err == nil && st.Mode()&fs.ModeSocket != 0 {
			return literal(arg), nil
		}
	}
	st, err := os.Stat(arg)
	switch {
	case err == nil && st.Mode()&fs.ModeSocket != 0:
		abs, err := filepath.Abs(arg)
		if err != nil {
			return "", err
		}
		if root != "" {
			return "", fmt.Errorf("%s is a socket, but not beneath %s", arg, root)
		}
		return literal(abs), nil
	case err == nil && st.IsDir():
		return "", fmt.Errorf("%s is a directory; a configuration file, a socket or host:port is wanted", arg)
	case err == nil:
		return fromFile(arg)
	case !errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: %w", arg, bare(err))
	}
	if network, err := rendezvous.Network(arg); err == nil && network == "tcp" {
		return literal(arg), nil
	}
	return "", fmt.Errorf("%s: %w: a configuration file, a socket or host:port is wanted", arg, fs.ErrNotExist)
}

// literal is an address as a pattern.
func literal(addr string) string { return strings.ReplaceAll(addr, "%", "%%") }

// bare is err without the path that it carries.
func bare(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// fromFile reads the pattern from a configuration file.
func fromFile(name string) (string, error) {
	f, err := config.Read(name)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return "", fmt.Errorf("%s: %w: you may not read it", name, bare(err))
		}
		return "", err
	}
	key := []string{mainSection, listenKey}
	if !f.Has(mainSection) {
		return "", &config.Error{File: name, Text: "there is no section [" + mainSection + "]" + nearest.Hint(mainSection, f.Sections())}
	}
	section, err := f.Section(mainSection)
	if err != nil {
		return "", err
	}
	value, ok := section[listenKey]
	if !ok {
		var keys []string
		for k := range section {
			keys = append(keys, k)
		}
		if near := nearest.Name(listenKey, keys); near != "" {
			return "", f.Errorf([]string{mainSection, near}, "unknown key (near: %s)", listenKey)
		}
		return "", f.Errorf(key[:1], "has no %s: the path of a socket, such as \"/tmp/ispyd/%%(pid)s.sock\", or \"localhost:12345\"", listenKey)
	}
	pattern, ok := value.(string)
	if !ok {
		return "", f.Errorf(key, "must be a string, the path of a socket or host:port")
	}
	if _, err := rendezvous.Parse(pattern); err != nil {
		return "", f.Errorf(key, "%v", err)
	}
	return pattern, nil
}

// ConfigEnv is the environment variable that names the configuration file.
const ConfigEnv = "ISPYD_CONFIG"

// DefaultConfig finds the configuration file where none is named: $ISPYD_CONFIG,
// ./ispyd.toml, $XDG_CONFIG_HOME/ispyd/ispyd.toml (by default
// ~/.config/ispyd/ispyd.toml), /etc/ispyd.toml. The error, fs.ErrNotExist, lists
// them. What $ISPYD_CONFIG says is returned whether it exists or not.
func DefaultConfig() (string, error) {
	if name := os.Getenv(ConfigEnv); name != "" {
		return name, nil
	}
	places := []string{"ispyd.toml"}
	dir := os.Getenv("XDG_CONFIG_HOME")
	if home, err := os.UserHomeDir(); !filepath.IsAbs(dir) && err == nil {
		dir = filepath.Join(home, ".config")
	}
	if filepath.IsAbs(dir) {
		places = append(places, filepath.Join(dir, "ispyd", "ispyd.toml"))
	}
	places = append(places, "/etc/ispyd.toml")
	for _, name := range places {
		if _, err := os.Stat(name); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
	}
	return "", notFound{places}
}

type notFound struct{ places []string }

func (e notFound) Error() string {
	return "no configuration: $" + ConfigEnv + " is not set, and there is no " + strings.Join(e.places, ", ")
}

func (e notFound) Is(target error) bool { return target == fs.ErrNotExist }
