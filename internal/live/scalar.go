package live

import (
	"math"
	"reflect"
	"strconv"
)

// scalar decodes what one word holds, or returns nil.
func scalar(k reflect.Kind, b []byte) *Value {
	if b == nil {
		return nil
	}
	switch k {
	case reflect.Bool:
		return &Value{Form: Bool, Text: strconv.FormatBool(b[0] != 0)}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &Value{Form: Number, Text: strconv.FormatInt(signed(b), 10)}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &Value{Form: Number, Text: strconv.FormatUint(unsigned(b), 10)}
	case reflect.Uintptr, reflect.UnsafePointer:
		if k == reflect.UnsafePointer && unsigned(b) == 0 {
			return &Value{Form: Nil}
		}
		return &Value{Form: Word, Text: "0x" + strconv.FormatUint(unsigned(b), 16)}
	case reflect.Float32:
		return float(float64(math.Float32frombits(half(b))), 32)
	case reflect.Float64:
		return float(math.Float64frombits(wide(b)), 64)
	case reflect.Complex64:
		return complexValue(complex(float64(math.Float32frombits(half(b))), float64(math.Float32frombits(half(b[4:])))), 64)
	case reflect.Complex128:
		return complexValue(complex(math.Float64frombits(wide(b)), math.Float64frombits(wide(b[8:]))), 128)
	}
	return nil
}

func signed(b []byte) int64 {
	switch len(b) {
	case 1:
		return int64(int8(b[0]))
	case 2:
		return int64(int16(short(b)))
	case 4:
		return int64(int32(half(b)))
	}
	return int64(wide(b))
}

func unsigned(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(short(b))
	case 4:
		return uint64(half(b))
	}
	return wide(b)
}

func float(f float64, bits int) *Value {
	v := &Value{Form: Number, Text: strconv.FormatFloat(f, 'g', -1, bits)}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		v.Form = Word
	}
	return v
}

func complexValue(c complex128, bits int) *Value {
	return &Value{Form: Word, Text: strconv.FormatComplex(c, 'g', -1, bits)}
}
