package eval

import (
	"context"
	"reflect"
)

// Program is what the evaluator knows of the running program. An implementation is
// used by one request at a time, beside goroutines that a session has left behind. An
// error names what is wrong for a person; fs.ErrNotExist is not among them: what does
// not exist is the zero Member and nil.
type Program interface {
	// Begin says that what follows is done for a request with this context.
	Begin(ctx context.Context)
	// Package returns the import path of a package: of a path, or of its last
	// element. It is "" where there is none. Where more packages have that name,
	// others are those that were not taken.
	Package(name string) (path string, others []string, err error)
	// Lookup finds a package's variable, function, type or constant.
	Lookup(path, name string) (Member, error)
	// Method finds a method of a named type or of a pointer to it, as a function
	// whose first parameter is the receiver.
	Method(t reflect.Type, name string) (Func, error)
	// Function finds a function by the linker's name, where the user says its type.
	Function(name string, t reflect.Type) (Func, error)
	// Methods are the names of a named type's methods.
	Methods(t reflect.Type) []string
	// TypeName is the full name of a type that the binary has no runtime data of, by
	// the type without a name that stands for it; "" for others.
	TypeName(t reflect.Type) string
	// Missing says why nothing is known of the program, nil where it is.
	Missing() error
	// Packages are all import paths, Names what Lookup finds in one.
	Packages() []string
	Names(path string) []string
	// Render shows a value of one of the program's own types in Go syntax; ok is
	// false where it cannot.
	Render(ctx context.Context, v reflect.Value) (text string, ok bool)
	Close() error
}

// Func is a function of the program that has been checked and may be called.
type Func struct {
	Value reflect.Value
	// Loose says that it is not known whether the function is variadic.
	Loose bool
}

// Member is what a name in a package of the program stands for: the first of its
// fields that is set.
type Member struct {
	Var   reflect.Value // the variable, settable
	Func  Func
	Type  reflect.Type
	Const *Const
}

// Const is an integer constant of the program.
type Const struct {
	Type  reflect.Type
	Value int64
}
