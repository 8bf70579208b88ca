package client

import (
	"context"
	"errors"
	"strconv"
	"sync"
)

// Live lists the servers that listen, by host name and pid, and asks them
// nothing: it connects and hangs up, so that a frozen one, which is listed too,
// holds up nobody. Where the pattern has no %(pid)s, names are not to be had
// otherwise, and it does what [Config.Servers] does. Servers that cannot be used
// are left out, and so are all but the one called only, unless that is "".
//
// It is for those who list often, as a mount does. Only Name, Addr, PID and UID
// are sure to be set; Command, Started and State are what the kernel says of the
// process.
func (c *Config) Live(ctx context.Context, only string) ([]Server, error) {
	if c.pattern.Network() == "tcp" || !c.pattern.Has("pid") {
		return c.usable(ctx, only)
	}
	found, err := c.pattern.Glob(c.Root)
	var wg sync.WaitGroup
	slots := make(chan struct{}, maxAsked)
	answers := make([]*Server, len(found))
	opts := Options{Timeout: c.Timeout, Root: c.Root}.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, opts.Timeout, ErrTimeout)
	defer cancel()
	for i, f := range found {
		s := &Server{Name: strconv.Itoa(f.PID), Addr: f.Path, root: c.Root}
		if f.Hostname != "" {
			s.Name = f.Hostname + "." + s.Name
		}
		if only != "" && only != s.Name {
			continue
		}
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			nc, peer, err := connect(ctx, s.Addr, opts)
			if err == nil {
				nc.Close()
			} else if !errors.Is(err, ErrTimeout) {
				return
			}
			s.PID, s.UID = max(peer.PID, 0), peer.UID
			c.look(s)
			answers[i] = s
		})
	}
	wg.Wait()
	var servers []Server
	for _, s := range answers {
		if s != nil {
			servers = append(servers, *s)
		}
	}
	return servers, err
}

// usable is Servers without those that cannot be used.
func (c *Config) usable(ctx context.Context, only string) ([]Server, error) {
	servers, err := c.Servers(ctx)
	var usable []Server
	for _, s := range servers {
		if s.Err == nil && (only == "" || only == s.Name) {
			usable = append(usable, s)
		}
	}
	return usable, err
}
