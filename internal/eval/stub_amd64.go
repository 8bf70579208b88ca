package eval

// stubs are the entries of stub_amd64.s.
var stubs [24]uintptr
