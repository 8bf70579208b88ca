// Package nodes holds the kinds of files and directories that a tree is made
// of. It knows nothing of 9P: a tree can be built and tested with this package
// and the standard library alone, and package fs serves it.
//
// # A tree
//
// [Directory] holds what is always there, [Dynamic] what comes and goes.
// Constructors take the name, one line of documentation, and a function:
//
//	nodes.Directory("cache", "the page cache",
//		nodes.Value("entries", "pages held", entries),
//		nodes.Var("limit", "most pages held", limit, setLimit),
//		nodes.Text("dump", "all pages, a line each", dump),
//		nodes.Ctl("ctl", "acts on the cache",
//			nodes.Verb{Name: "drop", Args: "<pages>", Doc: "drop one page", Run: drop}),
//	)
//
// # Snapshots
//
// A file that is computed is rendered when it is opened, into one immutable
// [Snapshot] of a known size: what one open file shows never changes and never
// tears. The rendering runs on a goroutine of its own, so that code which hangs
// holds up only those who wait for this file, and these only as long as their
// context lasts; who asks while a rendering is running shares the next one. A
// panic is an error of the file.
//
// # What is listed
//
// Whatever a directory lists may be opened and read at any time by anybody's
// grep -r: it must be cheap and change nothing. What costs or disturbs is
// [Unlisted], what acts is a write.
//
// # Leases
//
// Every [Var] takes a last word for=DURATION: "debug for=5m" goes back by itself
// when the time is up or the server closes, if it still has that value. The verbs
// of a [Ctl] do so with [CutFor] and a [Setting]. Package fs lists in the file
// "settings" what is changed. Nothing runs while nothing is leased.
//
// # Errors
//
// An error wraps a sentinel, one of io/fs or of this package, and its text is
// for the person: what was wrong, and what would be right. [Errorf] makes both.
//
// Package nodetest holds a conformance suite for trees.
package nodes
