//go:build race

package goroutines

// many is how many goroutines the race detector can follow, and some less.
const many = 6000
