// Package inflight is what the plugins that show work in hand have in common:
// HTTP requests, RPCs, SQL statements. It holds the
// families of such work with the verbs that act on it, rings of what ended last,
// histograms of durations by name and class, tables as text and JSON, and the
// stacks of the goroutines that work on one request.
package inflight
