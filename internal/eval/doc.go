// Package eval evaluates Go in the running program.
//
// A [Session] takes statements, declarations and expressions. What they name is, in
// this order, what the session has declared, package main of the program, the
// universe, and packages: some standard functions of a table of our own, and all that
// the [Program] has. Variables of the program are the program's own memory; its
// functions are called as they are.
//
// # How it works
//
// A request is parsed, type-checked by the rules of the language, and compiled to
// closures. Values are reflect.Values of the types that the program has. What a session
// declares gets types that reflection in the program sees as the compiler would have
// made them, see [Type]. Function literals are funcs that the program can call. An
// error says where: functions of the session know what statement they are at, and who
// called them.
//
// A package is named by its import path or by its last element. Where several have
// that, the one is taken that alone is neither internal nor vendored; else that alone
// has types of variables, parameters and results of package main; else that alone is of
// the standard library; else that alone has the fewest path elements. The output then
// says which, and which others there are. Otherwise the name is refused, with the paths:
// import the one that is meant.
//
// The builtin function("main.charge", func(int) error) is the function of the program
// that the linker calls so, with a type that the user says: for programs without debug
// information, of whose types those are known that the program has data of. The type
// is compared with the room that the arguments take, no more can be known.
//
// # Size
//
// Every program with the console carries this package, used or not. So it has a parser
// and constants of its own (packages syntax and constant, each tested against the
// standard library's), tables that are data rather than code, few closures for special
// cases, and small functions that many call are kept out of line.
//
// # What is left out
//
// Package unsafe, import of packages under ".", goto outside of functions, and types of
// the session with more than 24 methods where the program wants an interface; elsewhere
// than on amd64 it gets those of the session as error, fmt.Stringer, sort.Interface,
// io.Reader and io.Writer only. Each is refused by name. A generic function is checked
// where it is instantiated.
//
// # What a session cannot do to the program
//
// It cannot end it: os.Exit, syscall.Exit and log.Fatal are errors, as are panics and
// memory faults on goroutines of the session. It cannot take it over: time, depth of calls, size of
// values, growth of the heap, output and goroutines have limits. It calls no method
// that the linker has dropped. It reads the program's maps without the runtime, which
// ends the process where a map is read and written at once. But it can do whatever else
// the program's code can do, and writes race with the program's own.
package eval
