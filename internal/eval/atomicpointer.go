package eval

import (
	"reflect"
	"strings"
	"sync/atomic"
	"unsafe"
)

// The methods of atomic.Pointer are inlined wherever the program calls them, and an
// instance has no others: here are the two that are wanted of a live value.

func (u *universe) isAtomicPointer(rt reflect.Type) bool {
	name := rt.PkgPath() + "." + rt.Name()
	if rt.Name() == "" && u.host != nil {
		name = u.host.TypeName(rt)
	}
	return rt.Kind() == reflect.Struct && strings.HasPrefix(name, "sync/atomic.Pointer[")
}

// atomicMethod is Load or Store of an instance, invalid for others, or where the type is
// not as in sync/atomic/type.go: an array without elements of type *T, and the pointer v.
func atomicMethod(rt reflect.Type, name string) (m reflect.Value) {
	v, ok := rt.FieldByName("v")
	if !ok || v.Type.Kind() != reflect.UnsafePointer || rt.Field(0).Type.Kind() != reflect.Array || rt.Field(0).Type.Len() != 0 {
		return m
	}
	elem := rt.Field(0).Type.Elem()
	at := func(recv reflect.Value) *unsafe.Pointer {
		return (*unsafe.Pointer)(unsafe.Add(recv.UnsafePointer(), v.Offset))
	}
	in, recv := []reflect.Type{}, reflect.PointerTo(rt)
	switch name {
	case "Load":
		return reflect.MakeFunc(reflect.FuncOf(append(in, recv), []reflect.Type{elem}, false), func(args []reflect.Value) []reflect.Value {
			p := atomic.LoadPointer(at(args[0]))
			return []reflect.Value{reflect.NewAt(elem, unsafe.Pointer(&p)).Elem()}
		})
	case "Store":
		return reflect.MakeFunc(reflect.FuncOf(append(in, recv, elem), nil, false), func(args []reflect.Value) []reflect.Value {
			atomic.StorePointer(at(args[0]), args[1].UnsafePointer())
			return nil
		})
	}
	return m
}
