//go:build race

package returns

// raceEnabled: the race detector does not see that an error was returned before
// it was captured, and would report the program for what Error reads.
const raceEnabled = true
