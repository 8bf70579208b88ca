//go:build withcgo

package main

// extern void goCallback(int);
// void callBack(int n) { goCallback(n); }
import "C"
