package nodes

// Waiting returns how many wait for the next rendering of a Text file.
func Waiting(f File) int {
	fl := &f.(*text).flight
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.next == nil {
		return 0
	}
	return fl.next.waiters
}
