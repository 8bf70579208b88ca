package symbols

import (
	"fmt"
	"reflect"

	"github.com/ispyd/ispyd/internal/abi"
)

// ABI describes the type as the calling convention sees it.
func (t *Type) ABI() (*abi.Type, error) { return t.abi(64, map[*Type]*abi.Type{}) }

func (t *Type) abi(levels int, done map[*Type]*abi.Type) (*abi.Type, error) {
	if t.runtime != nil {
		return abi.FromReflect(t.runtime), nil
	}
	if levels == 0 {
		return nil, fmt.Errorf("%s: more than 64 levels", t)
	}
	if x := done[t]; x != nil {
		return x, nil
	}
	x := &abi.Type{Size: int64(t.size), Align: int64(t.Align())}
	switch t.kind {
	case reflect.Invalid:
		return nil, fmt.Errorf("the type %s is not known", t)
	case reflect.Float32, reflect.Float64:
		x.Kind = abi.Float
	case reflect.Complex64, reflect.Complex128:
		x.Kind = abi.Complex
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return abi.PointerTo(), nil
	case reflect.String:
		return abi.FromReflect(reflect.TypeFor[string]()), nil
	case reflect.Slice:
		return abi.Slice(), nil
	case reflect.Interface:
		return abi.Interface(), nil
	case reflect.Array:
		if t.Elem() == nil {
			return nil, fmt.Errorf("the type %s is not known", t)
		}
		elem, err := t.Elem().abi(levels-1, done)
		if err != nil {
			return nil, err
		}
		x.Kind, x.Elem, x.Len = abi.Array, elem, int64(t.Len())
	case reflect.Struct:
		x.Kind = abi.Struct
		for _, f := range t.Fields() {
			ft, err := f.Type.abi(levels-1, done)
			if err != nil {
				return nil, err
			}
			x.Fields = append(x.Fields, abi.Field{Name: f.Name, Offset: int64(f.Offset), Type: ft})
		}
	default:
		x.Kind = abi.Integer
	}
	done[t] = x
	return x, nil
}
