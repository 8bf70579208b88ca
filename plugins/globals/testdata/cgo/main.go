// Command cgo is a program with C in it, linked by the system's linker, that prints
// what the plugin shows of the variables that are named on its command line.
package main

/*
#include <stdlib.h>

typedef enum { RED = 1, GREEN } color;

struct point {
	int x;
	double y;
	char name[8];
	struct point *next;
	unsigned flag : 3;
	color c;
	union { int i; float f; } u;
	void (*call)(int);
};

int counter = 7;

static struct point *make(void) {
	struct point *p = calloc(1, sizeof *p);
	p->x = 5;
	p->y = 0.5;
	p->name[0] = 'a';
	p->c = GREEN;
	p->next = p;
	return p;
}
*/
import "C"

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"unsafe"

	"github.com/ispyd/ispyd/internal/config"
	"github.com/ispyd/ispyd/internal/redact"
	"github.com/ispyd/ispyd/nodes"
	"github.com/ispyd/ispyd/plugins/globals"
)

var (
	limit          = 40
	number  C.int  = 3
	wide    C.long = -4
	color   C.color
	value   C.struct_point
	pointer *C.struct_point
	raw     unsafe.Pointer
	text    *C.char
	byC     = map[C.int]*C.struct_point{}
	boxed   any
	wild    = (*C.struct_point)(unsafe.Pointer(uintptr(1) << 46))
)

type section struct{ file *config.File }

func (s section) Decode(v any) error       { return s.file.Decode("globals", v) }
func (s section) Redact() *redact.Redactor { return nil }
func (s section) Logger() *slog.Logger     { return slog.New(slog.DiscardHandler) }
func (s section) Local() bool              { return true }

func main() {
	pointer = C.make()
	value = *pointer
	color = C.GREEN
	raw = unsafe.Pointer(pointer)
	text = C.CString("text")
	byC[1] = pointer
	boxed = pointer
	f, err := config.Parse("test.toml", []byte("[globals]\nenabled = true\nwrite = true\n"))
	check(err)
	root, _, err := globals.Plugin.Open(section{f})
	check(err)
	for _, path := range os.Args[1:] {
		fmt.Println(path, "is", use(root, path, nodes.Read, ""))
	}
	for _, w := range [][2]string{{"main.limit", "41"}, {"main.value.x", "42"}, {"main.pointer.x", "43"}} {
		use(root, w[0], nodes.Write, w[1])
	}
	fmt.Println("now", limit, value.x, pointer.x, number, wide, color, raw != nil, *text, len(byC), boxed != nil, C.counter, wild != nil)
	// Whatever there is, is read.
	files := 0
	check(all(root, &files))
	fmt.Println("done", files > 100)
}

// use reads a file, or writes it.
func use(root nodes.Dir, path string, flags nodes.Flags, text string) string {
	ctx := nodes.Detached(context.Background())
	n, err := nodes.Walk(ctx, root, path)
	if err != nil {
		return "error: " + err.Error()
	}
	h, err := n.(nodes.File).Open(ctx, flags)
	if err != nil {
		return "error: " + err.Error()
	}
	defer h.Close()
	if flags == nodes.Write {
		_, err := h.WriteAt(ctx, []byte(text), 0)
		check(err)
		return ""
	}
	size, _ := h.Stat()
	b := make([]byte, size)
	n2, err := h.ReadAt(ctx, b, 0)
	if err != nil && err != io.EOF {
		return "error: " + err.Error()
	}
	return strings.Join(strings.Fields(string(b[:n2])), " ")
}

func all(d nodes.Dir, files *int) error {
	return fs.WalkDir(nodes.FS(context.Background(), d), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			*files++
			_, err = fs.ReadFile(nodes.FS(context.Background(), d), path)
		}
		return err
	})
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
