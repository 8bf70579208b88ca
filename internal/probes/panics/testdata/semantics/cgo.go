//go:build withcgo

package main

// extern void goCallback(int);
// void callBack(int);
// static int twice(int n) { return 2 * n; }
import "C"

//export goCallback
func goCallback(n C.int) {
	if n > 1 {
		C.callBack(n - 1)
	}
	panic("from under C")
}

// foreign panics in Go that C has called.
func foreign() {
	try("C", 0, func() { out.printf("twice %d", C.twice(21)) })
	try("callback", 1, func() { C.callBack(1) })
	try("callback of a callback", 1, func() { C.callBack(2) })
	done := make(chan bool)
	go func() {
		defer close(done)
		try("callback on a goroutine", 1, func() { C.callBack(1) })
	}()
	<-done
}
