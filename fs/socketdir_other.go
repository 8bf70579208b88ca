//go:build !unix

package fs

import (
	"os"
	"syscall"
)

func checkDir(string, os.FileInfo) error            { return nil }
func private(string, string, syscall.RawConn) error { return nil }
func lockDir(string) (unlock func())                { return func() {} }
func explainBind(_ string, err error) error         { return err }
