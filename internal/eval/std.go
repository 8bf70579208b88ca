package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/constant"
	"go/token"
	"io"
	"math"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// The functions of the standard library that a program most often has inlined, or has
// not at all. A value is a func, a pointer to a variable, a reflect.Type or a
// constant.
var stdTable = sync.OnceValue(func() map[string]map[string]any {
	return map[string]map[string]any{
		"bytes": {"Buffer": reflect.TypeFor[bytes.Buffer](), "Contains": bytes.Contains, "Equal": bytes.Equal, "NewBufferString": bytes.NewBufferString, "TrimSpace": bytes.TrimSpace},
		"context": {"Background": context.Background, "WithCancel": context.WithCancel, "WithTimeout": context.WithTimeout, "WithValue": context.WithValue,
			"Canceled": &context.Canceled, "DeadlineExceeded": &context.DeadlineExceeded,
			"Context": reflect.TypeFor[context.Context](), "CancelFunc": reflect.TypeFor[context.CancelFunc]()},
		"errors": {"New": errors.New, "Is": errors.Is, "Unwrap": errors.Unwrap, "Join": errors.Join},
		"fmt":    {"Stringer": reflect.TypeFor[fmt.Stringer](), "Sscan": fmt.Sscan, "Sscanf": fmt.Sscanf},
		"io": {"EOF": &io.EOF, "ReadAll": io.ReadAll, "WriteString": io.WriteString, "Discard": &io.Discard, "Copy": io.Copy,
			"Reader": reflect.TypeFor[io.Reader](), "Writer": reflect.TypeFor[io.Writer]()},
		"log": {},
		"math": {"Abs": math.Abs, "Ceil": math.Ceil, "Cos": math.Cos, "Exp": math.Exp, "Floor": math.Floor, "Hypot": math.Hypot, "Inf": math.Inf, "IsInf": math.IsInf,
			"IsNaN": math.IsNaN, "Log": math.Log, "Log2": math.Log2, "Log10": math.Log10, "Max": math.Max, "Min": math.Min, "Mod": math.Mod, "NaN": math.NaN, "Pow": math.Pow,
			"Round": math.Round, "Sin": math.Sin, "Sqrt": math.Sqrt, "Cbrt": math.Cbrt, "Tan": math.Tan, "Trunc": math.Trunc, "Float64bits": math.Float64bits, "Atan2": math.Atan2,
			"Pi": untypedFloatConst("3.14159265358979323846264338327950288419716939937510582097494459"), "E": untypedFloatConst("2.71828182845904523536028747135266249775724709369995957496696763"),
			"Sqrt2":  untypedFloatConst("1.41421356237309504880168872420969807856967187537694807317667974"),
			"MaxInt": intConst("9223372036854775807"), "MinInt": intConst("-9223372036854775808"), "MaxInt8": intConst("127"), "MinInt8": intConst("-128"), "MaxUint8": intConst("255"),
			"MaxInt16": intConst("32767"), "MaxInt32": intConst("2147483647"), "MinInt32": intConst("-2147483648"), "MaxInt64": intConst("9223372036854775807"), "MinInt64": intConst("-9223372036854775808"),
			"MaxUint16": intConst("65535"), "MaxUint32": intConst("4294967295"), "MaxUint64": intConst("18446744073709551615"),
			"MaxFloat64": constant.MakeFloat64(math.MaxFloat64)},
		"os": {"Args": &os.Args, "Getenv": os.Getenv, "LookupEnv": os.LookupEnv, "Getpid": os.Getpid, "Hostname": os.Hostname, "Getwd": os.Getwd, "ReadFile": os.ReadFile,
			"Stdout": &os.Stdout, "Stderr": &os.Stderr},
		"sort": {"Ints": sort.Ints, "Strings": sort.Strings, "Float64s": sort.Float64s, "Search": sort.Search, "Sort": sort.Sort, "Stable": sort.Stable, "Reverse": sort.Reverse,
			"SearchInts": sort.SearchInts, "IsSorted": sort.IsSorted, "Interface": reflect.TypeFor[sort.Interface](), "IntSlice": reflect.TypeFor[sort.IntSlice](), "StringSlice": reflect.TypeFor[sort.StringSlice]()},
		"strconv": {"Atoi": strconv.Atoi, "Itoa": strconv.Itoa, "ParseInt": strconv.ParseInt, "ParseUint": strconv.ParseUint, "ParseFloat": strconv.ParseFloat, "ParseBool": strconv.ParseBool,
			"FormatInt": strconv.FormatInt, "FormatFloat": strconv.FormatFloat, "FormatBool": strconv.FormatBool, "Quote": strconv.Quote, "Unquote": strconv.Unquote,
			"ErrSyntax": &strconv.ErrSyntax, "ErrRange": &strconv.ErrRange, "NumError": reflect.TypeFor[strconv.NumError]()},
		"strings": {"Builder": reflect.TypeFor[strings.Builder](), "Reader": reflect.TypeFor[strings.Reader](), "NewReader": strings.NewReader,
			"Compare": strings.Compare, "Contains": strings.Contains, "ContainsAny": strings.ContainsAny, "ContainsRune": strings.ContainsRune, "Count": strings.Count, "Cut": strings.Cut,
			"CutPrefix": strings.CutPrefix, "CutSuffix": strings.CutSuffix, "EqualFold": strings.EqualFold, "Fields": strings.Fields, "FieldsFunc": strings.FieldsFunc,
			"HasPrefix": strings.HasPrefix, "HasSuffix": strings.HasSuffix, "Index": strings.Index, "IndexByte": strings.IndexByte, "IndexRune": strings.IndexRune,
			"LastIndex": strings.LastIndex, "Map": strings.Map, "Split": strings.Split,
			"SplitN": strings.SplitN, "ToLower": strings.ToLower, "ToUpper": strings.ToUpper, "ToTitle": strings.ToTitle, "Trim": strings.Trim, "TrimFunc": strings.TrimFunc,
			"TrimLeft": strings.TrimLeft, "TrimPrefix": strings.TrimPrefix, "TrimRight": strings.TrimRight, "TrimSpace": strings.TrimSpace, "TrimSuffix": strings.TrimSuffix},
		"sync": {"Mutex": reflect.TypeFor[sync.Mutex](), "RWMutex": reflect.TypeFor[sync.RWMutex](), "WaitGroup": reflect.TypeFor[sync.WaitGroup](), "Once": reflect.TypeFor[sync.Once](),
			"Map": reflect.TypeFor[sync.Map](), "Locker": reflect.TypeFor[sync.Locker]()},
		"sync/atomic": {"AddInt64": atomic.AddInt64, "AddInt32": atomic.AddInt32, "LoadInt64": atomic.LoadInt64, "LoadInt32": atomic.LoadInt32, "StoreInt64": atomic.StoreInt64, "StoreInt32": atomic.StoreInt32,
			"CompareAndSwapInt64": atomic.CompareAndSwapInt64, "CompareAndSwapInt32": atomic.CompareAndSwapInt32,
			"Int64": reflect.TypeFor[atomic.Int64](), "Int32": reflect.TypeFor[atomic.Int32](), "Bool": reflect.TypeFor[atomic.Bool](), "Uint64": reflect.TypeFor[atomic.Uint64]()},
		"time": {"Now": time.Now, "Since": time.Since, "Until": time.Until, "Date": time.Date, "Unix": time.Unix, "Parse": time.Parse, "ParseDuration": time.ParseDuration, "UTC": &time.UTC, "Local": &time.Local,
			"Duration": reflect.TypeFor[time.Duration](), "Time": reflect.TypeFor[time.Time](), "Month": reflect.TypeFor[time.Month](), "Weekday": reflect.TypeFor[time.Weekday](), "Location": reflect.TypeFor[time.Location](),
			"Nanosecond": time.Nanosecond, "Microsecond": time.Microsecond, "Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
			"RFC3339": constant.MakeString(time.RFC3339), "RFC1123": constant.MakeString(time.RFC1123), "Kitchen": constant.MakeString(time.Kitchen), "DateOnly": constant.MakeString(time.DateOnly), "DateTime": constant.MakeString(time.DateTime),
			"January": time.January, "February": time.February, "March": time.March, "April": time.April, "May": time.May, "June": time.June, "July": time.July, "August": time.August,
			"September": time.September, "October": time.October, "November": time.November, "December": time.December, "Sunday": time.Sunday, "Monday": time.Monday, "Tuesday": time.Tuesday,
			"Wednesday": time.Wednesday, "Thursday": time.Thursday, "Friday": time.Friday, "Saturday": time.Saturday},
		"unicode":      {"IsUpper": unicode.IsUpper, "IsLower": unicode.IsLower, "IsLetter": unicode.IsLetter, "IsDigit": unicode.IsDigit, "IsSpace": unicode.IsSpace, "IsPunct": unicode.IsPunct, "ToUpper": unicode.ToUpper, "ToLower": unicode.ToLower},
		"unicode/utf8": {"RuneCountInString": utf8.RuneCountInString, "RuneLen": utf8.RuneLen, "ValidString": utf8.ValidString, "DecodeRuneInString": utf8.DecodeRuneInString, "RuneError": constant.MakeInt64(utf8.RuneError), "RuneCount": utf8.RuneCount, "DecodeLastRuneInString": utf8.DecodeLastRuneInString},
		"slices":       {},
		"maps":         {},
		"syscall":      {},
		"runtime":      {},
		"cmp":          {},
	}
})

func untypedFloatConst(s string) constant.Value { return constant.MakeFromLiteral(s, token.FLOAT, 0) }

func intConst(s string) constant.Value {
	if s[0] == '-' {
		return constant.UnaryOp(tokSub, constant.MakeFromLiteral(s[1:], token.INT, 0), 0)
	}
	return constant.MakeFromLiteral(s, token.INT, 0)
}

// stdMethods are methods of types of the table, which the linker drops where the
// program does not call them.
var stdMethods = sync.OnceValue(func() map[reflect.Type]map[string]any {
	return map[reflect.Type]map[string]any{
		reflect.TypeFor[strings.Builder](): {"WriteString": (*strings.Builder).WriteString, "WriteByte": (*strings.Builder).WriteByte, "WriteRune": (*strings.Builder).WriteRune, "Write": (*strings.Builder).Write,
			"String": (*strings.Builder).String, "Len": (*strings.Builder).Len, "Reset": (*strings.Builder).Reset, "Grow": (*strings.Builder).Grow},
		reflect.TypeFor[strings.Reader](): {"Read": (*strings.Reader).Read, "ReadByte": (*strings.Reader).ReadByte, "Len": (*strings.Reader).Len, "ReadRune": (*strings.Reader).ReadRune},
		reflect.TypeFor[bytes.Buffer](): {"WriteString": (*bytes.Buffer).WriteString, "Write": (*bytes.Buffer).Write, "WriteByte": (*bytes.Buffer).WriteByte, "String": (*bytes.Buffer).String,
			"Len": (*bytes.Buffer).Len, "Bytes": (*bytes.Buffer).Bytes, "Reset": (*bytes.Buffer).Reset, "Read": (*bytes.Buffer).Read},
		reflect.TypeFor[sync.Mutex]():     {"Unlock": (*sync.Mutex).Unlock, "TryLock": (*sync.Mutex).TryLock, "Lock": (*sync.Mutex).Lock},
		reflect.TypeFor[sync.RWMutex]():   {"Lock": (*sync.RWMutex).Lock, "Unlock": (*sync.RWMutex).Unlock, "RLock": (*sync.RWMutex).RLock, "RUnlock": (*sync.RWMutex).RUnlock, "TryLock": (*sync.RWMutex).TryLock},
		reflect.TypeFor[sync.WaitGroup](): {"Add": (*sync.WaitGroup).Add, "Done": (*sync.WaitGroup).Done, "Wait": (*sync.WaitGroup).Wait, "Go": (*sync.WaitGroup).Go},
		reflect.TypeFor[sync.Once]():      {"Do": (*sync.Once).Do},
		reflect.TypeFor[sync.Map]():       {"Load": (*sync.Map).Load, "Store": (*sync.Map).Store, "Range": (*sync.Map).Range, "Delete": (*sync.Map).Delete},
		reflect.TypeFor[atomic.Int64]():   {"Add": (*atomic.Int64).Add, "Load": (*atomic.Int64).Load, "Store": (*atomic.Int64).Store, "Swap": (*atomic.Int64).Swap, "CompareAndSwap": (*atomic.Int64).CompareAndSwap},
		reflect.TypeFor[atomic.Int32]():   {"Add": (*atomic.Int32).Add, "Load": (*atomic.Int32).Load, "Store": (*atomic.Int32).Store, "Swap": (*atomic.Int32).Swap},
		reflect.TypeFor[atomic.Uint64]():  {"Add": (*atomic.Uint64).Add, "Load": (*atomic.Uint64).Load, "Store": (*atomic.Uint64).Store},
		reflect.TypeFor[atomic.Bool]():    {"Load": (*atomic.Bool).Load, "Store": (*atomic.Bool).Store, "Swap": (*atomic.Bool).Swap},
		reflect.TypeFor[time.Duration](): {"String": time.Duration.String, "Seconds": time.Duration.Seconds, "Minutes": time.Duration.Minutes, "Hours": time.Duration.Hours,
			"Milliseconds": time.Duration.Milliseconds, "Microseconds": time.Duration.Microseconds, "Nanoseconds": time.Duration.Nanoseconds, "Round": time.Duration.Round, "Truncate": time.Duration.Truncate},
		reflect.TypeFor[time.Time](): {"String": time.Time.String, "Format": time.Time.Format, "Unix": time.Time.Unix, "UnixNano": time.Time.UnixNano, "UnixMilli": time.Time.UnixMilli, "Sub": time.Time.Sub, "Add": time.Time.Add,
			"AddDate": time.Time.AddDate, "After": time.Time.After, "Before": time.Time.Before, "Equal": time.Time.Equal, "IsZero": time.Time.IsZero, "Year": time.Time.Year, "Month": time.Time.Month,
			"Day": time.Time.Day, "Hour": time.Time.Hour, "Minute": time.Time.Minute, "Second": time.Time.Second, "Weekday": time.Time.Weekday, "UTC": time.Time.UTC, "Local": time.Time.Local, "YearDay": time.Time.YearDay, "Truncate": time.Time.Truncate},
		reflect.TypeFor[time.Month]():   {"String": time.Month.String},
		reflect.TypeFor[time.Weekday](): {"String": time.Weekday.String},
	}
})

func stdMethod(rt reflect.Type, name string) reflect.Value {
	if f, ok := stdMethods()[rt][name]; ok {
		return reflect.ValueOf(f)
	}
	return reflect.Value{}
}

func stdMethodNames(rt reflect.Type) []string { return sortedKeys(stdMethods()[rt]) }

// stdPath is the import path of a package of the table, of its path or last element.
func stdPath(name string) string {
	t := stdTable()
	if _, ok := t[name]; ok {
		return name
	}
	for p := range t {
		if lastElement(p) == name && strings.Contains(p, "/") {
			return p
		}
	}
	return ""
}

func stdNames(path string) []string {
	l := sortedKeys(stdTable()[path])
	for k := range intercepted {
		if p, name, _ := strings.Cut(k, "|"); p == path {
			l = append(l, name)
		}
	}
	if sc := preludeNames(path); sc != nil {
		l = append(l, sc...)
	}
	return l
}

// stdMember is a name of the table as an object, nil where there is none.
func (s *Session) stdMember(c *compiler, path, name string) *object {
	if f := intercepted[path+"|"+name]; f != nil {
		v := reflect.ValueOf(f(s))
		return &object{kind: funcObject, name: name, path: path + "." + name, typ: s.types.of(v.Type()), global: v, own: true}
	}
	if o := s.preludeMember(c, path, name); o != nil {
		return o
	}
	x, ok := stdTable()[path][name]
	if !ok {
		return nil
	}
	switch x := x.(type) {
	case reflect.Type:
		return &object{kind: typeObject, name: name, typ: s.types.of(x)}
	case constant.Value:
		kinds := map[constant.Kind]untyped{constant.Int: untypedInt, constant.Float: untypedFloat, constant.String: untypedString}
		k := kinds[x.Kind()]
		if name == "MaxFloat64" {
			k = untypedFloat
		}
		return &object{kind: constObject, name: name, val: x, typ: s.types.consts[k]}
	case time.Duration:
		return &object{kind: constObject, name: name, val: constant.MakeInt64(int64(x)), typ: s.types.of(reflect.TypeOf(x))}
	case time.Month:
		return &object{kind: constObject, name: name, val: constant.MakeInt64(int64(x)), typ: s.types.of(reflect.TypeOf(x))}
	case time.Weekday:
		return &object{kind: constObject, name: name, val: constant.MakeInt64(int64(x)), typ: s.types.of(reflect.TypeOf(x))}
	}
	v := reflect.ValueOf(x)
	if v.Kind() == reflect.Pointer {
		return &object{kind: varObject, name: name, typ: s.types.of(v.Type().Elem()), global: v.Elem()}
	}
	return &object{kind: funcObject, name: name, path: path + "." + name, typ: s.types.of(v.Type()), global: v}
}
