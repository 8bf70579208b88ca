package eval

import (
	"reflect"
	"sort"
	"sync"
	"unsafe"
)

// hostBridge is a value of the session as the program gets it in an interface. For each
// type there is a copy of this one with its name and its methods: stubs, which go on to
// the closures of the list. The runtime finds them as those of any type, so that the
// program may assert what it likes.
type hostBridge struct {
	methods unsafe.Pointer // to the first of the list; the stubs look here
	bridge
}

type bridgeType struct {
	rt      reflect.Type
	methods []unsafe.Pointer // func values
}

// bridgeTypes are those made, by themselves: bridgeTypesOf by the type of the session.
var bridgeTypes, bridgeTypesOf sync.Map

// Layouts of internal/abi's UncommonType and Method, in words.
const (
	uncommonWords = unsafe.Sizeof(abiUncommon{}) / unsafe.Sizeof(uintptr(0))
	methodWords   = unsafe.Sizeof(abiMethod{}) / unsafe.Sizeof(uintptr(0))
)

// bridgeable says why values of t cannot be made an iface of the program.
func bridgeable(t *Type, iface reflect.Type) error {
	switch n := len(t.methodSet()); {
	case bridges[iface] != nil || n <= len(stubs):
		return nil
	case len(stubs) == 0:
		return refused("%s is a type of the session: it can be given to the program as error, fmt.Stringer, sort.Interface, io.Reader and io.Writer only, not as %s", t, iface)
	default:
		return refused("%s has %d methods: a type of the session with more than %d cannot be given to the program as %s", t, n, len(stubs), iface)
	}
}

// methodSet is the methods that values of t have, sorted as in a type's data.
func (t *Type) methodSet() (l []*method) {
	seen := map[string]bool{}
	for _, name := range t.members() {
		if seen[name] {
			continue
		}
		seen[name] = true
		if sel := t.lookup(name); sel != nil && sel.method != nil && (!sel.method.ptr || t.kind == reflect.Pointer || sel.viaPointer) {
			l = append(l, sel.method)
		}
	}
	sort.Slice(l, func(i, j int) bool { return l[i].name < l[j].name })
	return l
}

// hostBox puts d into an interface value of type iface, which it has the methods of.
func (s *Session) hostBox(d reflect.Value, iface reflect.Type) (r reflect.Value, err error) {
	r = reflect.New(iface).Elem()
	x, ok := bridgeTypesOf.Load(d.Type())
	if !ok || !x.(*bridgeType).rt.Implements(iface) { // it has got more methods since
		t := s.types.of(d.Type())
		if err := bridgeable(t, iface); err != nil {
			return r, err
		}
		if len(t.methodSet()) > len(stubs) {
			r.Set(reflect.ValueOf(bridges[iface](bridge{s, d.Interface()})))
			return r, nil
		}
		x = newBridgeType(t)
		bridgeTypesOf.Store(d.Type(), x)
	}
	b := x.(*bridgeType)
	v := &hostBridge{unsafe.Pointer(&b.methods[0]), bridge{s, d.Interface()}}
	r.Set(reflect.NewAt(b.rt, unsafe.Pointer(v)).Elem())
	return r, nil
}

func newBridgeType(t *Type) *bridgeType {
	methods := t.methodSet()
	size := int(kindSize(reflect.Struct) / unsafe.Sizeof(uintptr(0)))
	d := describe(reflect.TypeFor[hostBridge](), t.String(), true, size+int(uncommonWords)+len(methods)*int(methodWords))
	name := func(s string) int32 {
		text := nameBytes(s)
		keep(text)
		return addReflectOff(unsafe.Pointer(&text[0]))
	}
	u := (*abiUncommon)(unsafe.Pointer(&d[size]))
	*u = abiUncommon{pkgPath: name("main"), mcount: uint16(len(methods)), moff: uint32(unsafe.Sizeof(abiUncommon{}))}
	d.abi().tflag |= tflagUncommon
	b := &bridgeType{rt: d.reflect()}
	for i, m := range methods {
		mt := m.typ.rtype()
		f := reflect.New(receiverFirst(wordType, mt)).Elem()
		f.Set(reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
			return (*hostBridge)(args[0].UnsafePointer()).callValues(m.name, args[1:])
		}))
		b.methods = append(b.methods, *(*unsafe.Pointer)(f.Addr().UnsafePointer()))
		entry := addReflectOff(*(*unsafe.Pointer)(unsafe.Pointer(&stubs[i])))
		*(*abiMethod)(unsafe.Pointer(&d[size+int(uncommonWords)+i*int(methodWords)])) = abiMethod{name(m.name), addReflectOff(typeWord(mt)), entry, entry}
		if exported(m.name) {
			u.xcount++
		}
	}
	bridgeTypes.Store(b.rt, true)
	return b
}
