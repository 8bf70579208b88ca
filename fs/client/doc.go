// Package client reads and writes the trees that programs publish with ispyd,
// and any other 9P2000.L tree. It finds the programs ([Load], [Config.Servers]),
// connects to them ([Dial]) and shows what they publish as files:
//
//	conn, err := client.Dial(ctx, "/run/user/1000/ispyd/14905.sock", client.Options{})
//	version, err := conn.ReadFile(ctx, "runtime/version")
//	err = conn.WriteFile(ctx, "runtime/ctl", []byte("gc\n"))
//
// Paths are separated by slashes and begin at the tree's root; "" and "." are
// the root itself.
//
// # Time
//
// No operation lasts longer than its context and [Options.Timeout], and none
// harms another: an operation that ends before its answer is called off at the
// server (Tflush). A server that does not answer that either is frozen; the
// connection is then closed and made anew, operations that change nothing are
// tried once more on the new one, and files that were open are lost. While the
// server stays frozen, operations fail after a short time. [Conn.Done] tells
// when the server is gone for good.
//
// Files that are slow by nature (mode fs.ModeTemporary: a CPU profile of 30
// seconds, a session) have no time-out once they are open, only their context,
// and each has a connection of its own, so that closing it ends what it
// started.
//
// # Errors
//
// Operations return an [*Error]: the server's text for the person, a system
// error number for the program. errors.Is knows it by the sentinels of io/fs,
// by syscall.Errno and by those of package context.
//
// # Trust
//
// The other end of a unix socket must be a process of our own user or of root
// (or we are root). What it then sends is checked before anything is made of
// it, and bounded: a server that lies gets its connection closed, and neither
// panics nor exhausts its client.
package client
