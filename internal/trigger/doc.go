// Package trigger holds what a program can be watched for: sources, which are
// numbers that somebody can read at any time, conditions on them, such as
// "goroutines over 10000", and the evidence that is kept when one comes true.
//
// Plugins register what they know of with [Register] and [Evidence] when they
// are opened, and take it back when they are closed. Package
// plugins/profile watches: a source is read only while a trigger on it is armed,
// about once a second.
package trigger
