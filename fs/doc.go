// Package fs serves a tree of nodes over 9P2000.L, the protocol of Linux's v9fs
// and of diod, on a unix socket or on loopback TCP.
//
//	l, err := fs.Listen("/run/user/1000/ispyd/4711.sock")
//	if err != nil {
//		return err
//	}
//	srv := fs.NewServer(fs.Options{Root: tree})
//	go srv.Serve(l)
//	defer srv.Close()
//
// The program in which it runs comes first: whatever a client does, and
// whatever the code behind a node does, the program is not crashed, not held up,
// and not exhausted, and the other clients are served on.
//
// # Requests
//
// A connection is one goroutine, which reads requests. Those that memory answers
// it answers on the spot: walks through Folders, reads of snapshots, attributes.
// The rest it begins on the spot, too; if that takes longer than 5 to 10 ms
// another goroutine reads on, so no request holds up the others of its
// connection, and the many that are quick cost no change of goroutines. Files that
// are slow have a goroutine of their own from the beginning.
//
// A request has a context, which ends with a Tflush, with the connection, and
// after [Limits].Operation; the Rflush follows the reply that it cancelled. A
// client that has gone is noticed even while so many of its requests are in
// flight that no more are read.
//
// Code behind a node that goes on when its context has ended is left behind: the
// request is answered with EINTR or ETIMEDOUT, and what comes of it later is let
// go. Of those there can be [Limits].Detached. A panic is an error of the file,
// EIO; its stack goes to the Logger.
//
// # Limits
//
// Everything a client can take is bounded, see [Limits]. A message is read into
// a buffer that grows as it comes, so half a message holds no more than twice
// its bytes. What is misuse and not just an error ends the connection: a second
// Tversion, a tag that is used twice, a message that is malformed, too large, or
// does not come to its end.
//
// # Files
//
// A fid holds its place in the tree and, when it is open, one Handle: what is
// rendered is rendered at open, once, so nothing tears, and the size that
// getattr gives is then that of what is read. A directory's list is taken when its
// reading begins. QIDs say more than Linux needs: append-only marks a stream,
// temporary a file whose first read may take long, which a client had better
// read on a connection of its own. Their paths are a hash of the path, the same
// on every connection.
//
// The tree cannot be changed: creating, removing and renaming are EPERM, extended
// attributes EOPNOTSUPP. Setting size or times is accepted and does nothing,
// because "echo x > ctl" does it. O_TRUNC, O_CREAT and O_APPEND mean nothing.
//
// # Errors
//
// 9P2000.L knows errno numbers alone; [Errno] makes them. The text has two ways
// to the person: after a write that failed, reading from the same open file gives
// the text of the error; and [Records] keeps all that failed for the file
// "errors", what was written for "audit", and what differs from the program's own
// values, by whom and until when, for "settings".
//
// # Who may connect
//
// Peers on a unix socket must have this program's uid or be root; the kernel
// says who they are, and so do nodes.PeerFrom and the records. Over TCP nobody
// knows, so there nothing can be written unless Options.AllowRemote says so. See
// [Listen] for what is asked of the socket's directory.
//
// # Why not the server of p9
//
// The client side uses github.com/hugelgupf/p9, and this package its table of
// errno numbers. Its server (v0.4.1) is not used. A second Tversion crashes it
// and the program with it; it begins a goroutine for each request that comes; a
// Tflush only waits; requests of a client that has gone go on; renaming takes a
// lock of the whole server; and it keeps every name that was ever walked to. A
// guard between it and the client can prevent all of that, but only by knowing all
// fids and requests itself, and by making the walks and their replies. What is
// then left of p9's work, running a request and encoding its reply, is less code
// than talking to it, faster, and an idle connection takes 9 KiB and not 67.
package fs
