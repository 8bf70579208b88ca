package eval

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/ispyd/ispyd/internal/eval/constant"
)

// global finds a name that the session has not declared: of the universe, of package
// main, or a package's.
func (s *Session) global(c *compiler, name string) (*object, error) {
	if o := s.names[name]; o != nil {
		return o, nil
	}
	o := s.universeName(name)
	if o == nil || o.kind == builtinObject && !alwaysBuiltin(name) {
		if s.host != nil {
			m, err := s.hostMember("main", name)
			if err != nil {
				return nil, err
			}
			if m != nil {
				o = m
			}
		}
	}
	if o == nil {
		path, err := s.pkg(name)
		if err == nil {
			o = &object{kind: packageObject, name: name, path: path}
		} else if !errors.Is(err, errNoPackage) {
			return nil, err
		}
	}
	if o == nil {
		why := ""
		if s.host != nil {
			if err := s.host.Missing(); err != nil {
				why = " (the program's names are not known: " + err.Error() + ")"
			}
		}
		hint := elsewhere(name + ".")
		if hint == "" {
			hint = verbHint(name)
		}
		if hint == "" {
			hint = s.near(name, s.visible(), s.usable("main"))
		}
		return nil, fmt.Errorf("undefined: %s%s%s", name, hint, why)
	}
	s.names[name] = o
	return o, nil
}

// alwaysBuiltin are the builtin functions that a program never has a function of its
// own for, so that the program need not be asked.
func alwaysBuiltin(name string) bool {
	switch name {
	case "append", "len", "make", "panic", "recover", "new":
		return true
	}
	return false
}

// basicTypes are the predeclared types, as pointers to them: data, where a map would be
// code.
var basicTypes = []stdName{
	{"bool", (*bool)(nil)}, {"string", (*string)(nil)}, {"error", (*error)(nil)}, {"any", (*any)(nil)},
	{"int", (*int)(nil)}, {"int8", (*int8)(nil)}, {"int16", (*int16)(nil)}, {"int32", (*int32)(nil)}, {"int64", (*int64)(nil)},
	{"uint", (*uint)(nil)}, {"uint8", (*uint8)(nil)}, {"uint16", (*uint16)(nil)}, {"uint32", (*uint32)(nil)}, {"uint64", (*uint64)(nil)},
	{"uintptr", (*uintptr)(nil)}, {"byte", (*byte)(nil)}, {"rune", (*rune)(nil)},
	{"float32", (*float32)(nil)}, {"float64", (*float64)(nil)}, {"complex64", (*complex64)(nil)}, {"complex128", (*complex128)(nil)},
}

func (s *Session) universeName(name string) *object {
	if p := valueOf(basicTypes, name); p != nil {
		return &object{kind: typeObject, name: name, typ: s.types.of(reflect.TypeOf(p).Elem())}
	}
	switch name {
	case "true", "false":
		return &object{kind: constObject, name: name, val: constant.MakeBool(name == "true"), typ: s.types.consts[untypedBool]}
	case "nil":
		return &object{kind: nilObject, name: name}
	case "comparable":
		return &object{kind: typeObject, name: name, typ: s.types.iface(nil, &typeSet{comparable: true})}
	}
	for _, b := range builtinNames {
		if b == name {
			return &object{kind: builtinObject, name: name}
		}
	}
	return nil
}

// visible are the names that can be used without a package.
func (s *Session) visible() []string {
	l := append(sortedKeys(s.top.names), builtinNames...)
	l = append(l, namesOf(basicTypes)...)
	l = append(l, "true", "false", "nil", "comparable")
	if s.host != nil {
		l = append(l, s.host.Names("main")...)
	}
	for _, p := range stdPackages {
		l = append(l, lastElement(p.path))
	}
	return l
}

var errNoPackage = errors.New("no such package")

// pkg finds a package of the table of the console or of the program.
func (s *Session) pkg(name string) (string, error) {
	if name == "unsafe" {
		return "", errors.New("package unsafe is not supported by the console: a pointer is printed with what it leads to, &x.f is the address of a field")
	}
	if p := stdPath(name); p != "" {
		return p, nil
	}
	var all []string
	if s.host != nil {
		p, others, err := s.host.Package(name)
		if len(others) > 0 {
			fmt.Fprintf(s.out, "%s is %s here; for another one import %s %q\n", name, p, name, others)
		}
		if err != nil || p != "" {
			return p, err
		}
		all = s.host.Packages()
	}
	for _, p := range stdPackages {
		all = append(all, p.path)
	}
	return "", fmt.Errorf("%w in the program: %s%s%s", errNoPackage, name, s.near(name, all, nil), elsewhere(name+"."))
}

// member is a name of a package.
func (s *Session) member(c *compiler, path, name string) (*object, error) {
	key := path + "." + name
	if o := s.names[key]; o != nil {
		return o, nil
	}
	o := s.stdMember(c, path, name)
	if o == nil && s.host != nil {
		m, err := s.hostMember(path, name)
		if err != nil {
			return nil, err
		}
		o = m
	}
	if o == nil {
		all := stdNames(path)
		if s.host != nil {
			all = append(all, s.host.Names(path)...)
		}
		hint := elsewhere(path + "." + name)
		if hint == "" {
			hint = s.near(name, all, s.usable(path))
		}
		return nil, fmt.Errorf("undefined: %s.%s%s", lastElement(path), name, hint)
	}
	s.names[key] = o
	return o, nil
}

func (s *Session) hostMember(path, name string) (*object, error) {
	m, err := s.host.Lookup(path, name)
	if err != nil {
		return nil, err
	}
	full := path + "." + name
	switch {
	case m.Var.IsValid():
		return &object{kind: varObject, name: name, path: full, typ: s.types.of(m.Var.Type()), global: m.Var}, nil
	case m.Func.Value.IsValid():
		return &object{kind: funcObject, name: name, path: full, typ: s.types.of(m.Func.Value.Type()), global: m.Func.Value, loose: m.Func.Loose}, nil
	case m.Type != nil:
		return &object{kind: typeObject, name: name, path: full, typ: s.types.of(m.Type)}, nil
	case m.Const != nil:
		return &object{kind: constObject, name: name, path: full, val: constant.MakeInt64(m.Const.Value), typ: s.types.of(m.Const.Type)}, nil
	}
	return nil, nil
}
