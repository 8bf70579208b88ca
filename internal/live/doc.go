// Package live decodes values of the running program while the program goes on
// writing them.
//
// Memory is copied by process_vm_readv on the process itself: an address that is
// not there is an error and no fault. No word that was read is ever made a Go
// pointer, so the garbage collector never sees one that is stale, and a type word
// is taken for a type only where the symbol index knows it. Maps, channels and
// mutexes are decoded by their layout, which is compared with values of known
// content before the first use; where it is not the expected one nothing is
// decoded, see [Check].
//
// There is no snapshot across words. A string, slice or interface that is being
// written may be seen half old and half new: what cannot be is said so, what
// could be is shown. Entries of a map that grows may be missed or seen twice.
//
// Sources of the layouts: internal/runtime/maps/map.go, table.go and group.go,
// internal/abi/type.go and map.go, runtime/chan.go, runtime/runtime2.go (sudog),
// internal/sync/mutex.go, sync/rwmutex.go, time/time.go, of Go 1.25 and 1.26.
package live
