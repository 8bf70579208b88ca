//go:build !race

package goroutines

const many = 100_000
