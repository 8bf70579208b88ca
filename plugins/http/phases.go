package http

import (
	"crypto/tls"
	"net/http/httptrace"
	"time"
)

// The moments in the life of an outgoing request.
const (
	getConn = iota
	dnsStart
	dnsDone
	connectStart
	connectDone
	tlsStart
	tlsDone
	gotConn
	sentHeader
	sent
	firstByte
	answered
	finished
	phaseCount
)

// phaseNames are shown in this order, those that have happened.
var phaseNames = [phaseCount]string{
	"get_connection", "dns_start", "dns_done", "connect_start", "connect_done", "tls_start", "tls_done",
	"got_connection", "header_sent", "request_sent", "first_byte", "header_received", "finished",
}

// mark notes that a moment has come; of several, as when more than one address is
// tried, the last.
func (c *calling) mark(phase int) { c.phases[phase].Store(int64(time.Since(c.start)) + 1) }

// at returns when it was since the start, plus 1 ns; 0 for not yet.
func (c *calling) at(phase int) time.Duration { return time.Duration(c.phases[phase].Load()) }

// phase says what the request waits for.
func (c *calling) phase() string {
	open := func(start, done int) bool { return c.at(start) > c.at(done) }
	switch {
	case c.at(answered) != 0:
		return "reading body"
	case c.at(firstByte) != 0:
		return "reading header"
	case c.at(sent) != 0:
		return "waiting for first byte"
	case c.at(gotConn) != 0:
		return "sending"
	case open(tlsStart, tlsDone):
		return "TLS handshake"
	case open(connectStart, connectDone):
		return "connecting"
	case open(dnsStart, dnsDone):
		return "looking up the name"
	case c.at(getConn) != 0:
		return "waiting for a connection"
	}
	return "in the transport"
}

// trace returns the hooks that mark the moments. They may be called after the
// request's end: a connection that was dialled for it is finished for others.
func (c *calling) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { c.mark(getConn) },
		GotConn: func(i httptrace.GotConnInfo) {
			if i.Conn != nil && i.Conn.RemoteAddr() != nil {
				remote := i.Conn.RemoteAddr().String()
				c.remote.Store(&remote)
			}
			c.reused.Store(i.Reused)
			c.mark(gotConn)
		},
		DNSStart:             func(httptrace.DNSStartInfo) { c.mark(dnsStart) },
		DNSDone:              func(httptrace.DNSDoneInfo) { c.mark(dnsDone) },
		ConnectStart:         func(string, string) { c.mark(connectStart) },
		ConnectDone:          func(string, string, error) { c.mark(connectDone) },
		TLSHandshakeStart:    func() { c.mark(tlsStart) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { c.mark(tlsDone) },
		WroteHeaders:         func() { c.mark(sentHeader) },
		GotFirstResponseByte: func() { c.mark(firstByte) },
		WroteRequest: func(httptrace.WroteRequestInfo) {
			c.mark(sent)
			c.release()
		},
	}
}
