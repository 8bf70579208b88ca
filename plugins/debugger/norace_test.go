//go:build !race

package debugger_test

const raceEnabled = false
