package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

	"github.com/ispyd/ispyd/internal/eval/constant"
)

// The functions of the standard library that a program most often has inlined, or has
// not at all. The linker lays this out as data; a map literal would be code.
var stdPackages = []stdPackage{
	{"bytes", []stdName{{"Buffer", (*bytes.Buffer)(nil)}, {"Contains", bytes.Contains}, {"Equal", bytes.Equal}, {"NewBufferString", bytes.NewBufferString}, {"TrimSpace", bytes.TrimSpace}}},
	{"context", []stdName{{"Background", context.Background}, {"WithCancel", context.WithCancel}, {"WithTimeout", context.WithTimeout}, {"WithValue", context.WithValue},
		{"Canceled", &context.Canceled}, {"DeadlineExceeded", &context.DeadlineExceeded},
		{"Context", (*context.Context)(nil)}, {"CancelFunc", (*context.CancelFunc)(nil)}}},
	{"errors", []stdName{{"New", errors.New}, {"Is", errors.Is}, {"Unwrap", errors.Unwrap}, {"Join", errors.Join}}},
	{"fmt", []stdName{{"Stringer", (*fmt.Stringer)(nil)}, {"State", (*fmt.State)(nil)}, {"Formatter", (*fmt.Formatter)(nil)}, {"GoStringer", (*fmt.GoStringer)(nil)}, {"Sscan", fmt.Sscan}, {"Sscanf", fmt.Sscanf}}},
	{"io", []stdName{{"EOF", &io.EOF}, {"ReadAll", io.ReadAll}, {"WriteString", io.WriteString}, {"Discard", &io.Discard}, {"Copy", io.Copy},
		{"Reader", (*io.Reader)(nil)}, {"Writer", (*io.Writer)(nil)}}},
	{"log", []stdName{}},
	{"math", []stdName{{"Abs", math.Abs}, {"Ceil", math.Ceil}, {"Cos", math.Cos}, {"Exp", math.Exp}, {"Floor", math.Floor}, {"Hypot", math.Hypot}, {"Inf", math.Inf}, {"IsInf", math.IsInf},
		{"IsNaN", math.IsNaN}, {"Log", math.Log}, {"Log2", math.Log2}, {"Log10", math.Log10}, {"Max", math.Max}, {"Min", math.Min}, {"Mod", math.Mod}, {"NaN", math.NaN}, {"Pow", math.Pow},
		{"Round", math.Round}, {"Sin", math.Sin}, {"Sqrt", math.Sqrt}, {"Cbrt", math.Cbrt}, {"Tan", math.Tan}, {"Trunc", math.Trunc}, {"Float64bits", math.Float64bits}, {"Atan2", math.Atan2}, {"Atan", math.Atan}, {"Asin", math.Asin}, {"Acos", math.Acos}, {"Modf", math.Modf}, {"Signbit", math.Signbit}, {"Copysign", math.Copysign}, {"Float32bits", math.Float32bits}, {"Float64frombits", math.Float64frombits},
		{"Pi", floatConst("3.14159265358979323846264338327950288419716939937510582097494459")}, {"E", floatConst("2.71828182845904523536028747135266249775724709369995957496696763")},
		{"Sqrt2", floatConst("1.41421356237309504880168872420969807856967187537694807317667974")},
		{"MaxInt", intConst("9223372036854775807")}, {"MinInt", intConst("-9223372036854775808")}, {"MaxInt8", intConst("127")}, {"MinInt8", intConst("-128")}, {"MaxUint8", intConst("255")},
		{"MaxInt16", intConst("32767")}, {"MaxInt32", intConst("2147483647")}, {"MinInt32", intConst("-2147483648")}, {"MaxInt64", intConst("9223372036854775807")}, {"MinInt64", intConst("-9223372036854775808")},
		{"MaxUint16", intConst("65535")}, {"MaxUint32", intConst("4294967295")}, {"MaxUint64", intConst("18446744073709551615")},
		{"MaxUint", intConst("18446744073709551615")}, {"MinInt16", intConst("-32768")}, {"MaxFloat64", math.MaxFloat64}, {"MaxFloat32", math.MaxFloat32}, {"SmallestNonzeroFloat64", floatConst("4.9406564584124654417656879286822137236505980e-324")}}},
	{"os", []stdName{{"Args", &os.Args}, {"Getenv", os.Getenv}, {"LookupEnv", os.LookupEnv}, {"Getpid", os.Getpid}, {"Hostname", os.Hostname}, {"Getwd", os.Getwd}, {"ReadFile", os.ReadFile},
		{"Stdout", &os.Stdout}, {"Stderr", &os.Stderr}}},
	{"sort", []stdName{{"Ints", sort.Ints}, {"Strings", sort.Strings}, {"Search", sort.Search}, {"Sort", sort.Sort}, {"Stable", sort.Stable}, {"Reverse", sort.Reverse},
		{"SearchInts", sort.SearchInts}, {"IsSorted", sort.IsSorted}, {"Interface", (*sort.Interface)(nil)}, {"IntSlice", (*sort.IntSlice)(nil)}, {"StringSlice", (*sort.StringSlice)(nil)}}},
	{"strconv", []stdName{{"Atoi", strconv.Atoi}, {"Itoa", strconv.Itoa}, {"ParseInt", strconv.ParseInt}, {"ParseUint", strconv.ParseUint}, {"ParseFloat", strconv.ParseFloat}, {"ParseBool", strconv.ParseBool},
		{"FormatInt", strconv.FormatInt}, {"FormatFloat", strconv.FormatFloat}, {"FormatBool", strconv.FormatBool}, {"Quote", strconv.Quote}, {"Unquote", strconv.Unquote},
		{"ErrSyntax", &strconv.ErrSyntax}, {"ErrRange", &strconv.ErrRange}, {"NumError", (*strconv.NumError)(nil)}}},
	{"strings", []stdName{{"Builder", (*strings.Builder)(nil)}, {"Reader", (*strings.Reader)(nil)}, {"NewReader", strings.NewReader},
		{"Compare", strings.Compare}, {"Contains", strings.Contains}, {"ContainsAny", strings.ContainsAny}, {"ContainsRune", strings.ContainsRune}, {"Count", strings.Count}, {"Cut", strings.Cut},
		{"CutPrefix", strings.CutPrefix}, {"CutSuffix", strings.CutSuffix}, {"EqualFold", strings.EqualFold}, {"Fields", strings.Fields}, {"FieldsFunc", strings.FieldsFunc},
		{"HasPrefix", strings.HasPrefix}, {"HasSuffix", strings.HasSuffix}, {"Index", strings.Index}, {"IndexByte", strings.IndexByte}, {"IndexRune", strings.IndexRune},
		{"LastIndex", strings.LastIndex}, {"Map", strings.Map}, {"Split", strings.Split}, {"SplitAfter", strings.SplitAfter}, {"IndexFunc", strings.IndexFunc}, {"IndexAny", strings.IndexAny}, {"NewReplacer", strings.NewReplacer}, {"Replacer", (*strings.Replacer)(nil)},
		{"SplitN", strings.SplitN}, {"ToLower", strings.ToLower}, {"ToUpper", strings.ToUpper}, {"ToTitle", strings.ToTitle}, {"Trim", strings.Trim}, {"TrimFunc", strings.TrimFunc},
		{"TrimLeft", strings.TrimLeft}, {"TrimPrefix", strings.TrimPrefix}, {"TrimRight", strings.TrimRight}, {"TrimSpace", strings.TrimSpace}, {"TrimSuffix", strings.TrimSuffix}}},
	{"sync", []stdName{{"Mutex", (*sync.Mutex)(nil)}, {"RWMutex", (*sync.RWMutex)(nil)}, {"WaitGroup", (*sync.WaitGroup)(nil)}, {"Once", (*sync.Once)(nil)},
		{"Map", (*sync.Map)(nil)}, {"Pool", (*sync.Pool)(nil)}, {"Cond", (*sync.Cond)(nil)}, {"NewCond", sync.NewCond}, {"Locker", (*sync.Locker)(nil)}}},
	{"sync/atomic", []stdName{{"AddInt64", atomic.AddInt64}, {"AddInt32", atomic.AddInt32}, {"LoadInt64", atomic.LoadInt64}, {"LoadInt32", atomic.LoadInt32}, {"StoreInt64", atomic.StoreInt64}, {"StoreInt32", atomic.StoreInt32},
		{"CompareAndSwapInt64", atomic.CompareAndSwapInt64}, {"CompareAndSwapInt32", atomic.CompareAndSwapInt32},
		{"Int64", (*atomic.Int64)(nil)}, {"Int32", (*atomic.Int32)(nil)}, {"Bool", (*atomic.Bool)(nil)}, {"Uint64", (*atomic.Uint64)(nil)}}},
	{"time", []stdName{{"Now", time.Now}, {"Since", time.Since}, {"Until", time.Until}, {"Date", time.Date}, {"Unix", time.Unix}, {"NewTimer", time.NewTimer}, {"NewTicker", time.NewTicker}, {"AfterFunc", time.AfterFunc}, {"Parse", time.Parse}, {"ParseDuration", time.ParseDuration}, {"UTC", &time.UTC}, {"Local", &time.Local},
		{"Duration", (*time.Duration)(nil)}, {"Time", (*time.Time)(nil)}, {"Month", (*time.Month)(nil)}, {"Weekday", (*time.Weekday)(nil)}, {"Location", (*time.Location)(nil)},
		{"Nanosecond", time.Nanosecond}, {"Microsecond", time.Microsecond}, {"Millisecond", time.Millisecond}, {"Second", time.Second}, {"Minute", time.Minute}, {"Hour", time.Hour},
		{"RFC3339", stringConst(time.RFC3339)}, {"RFC1123", stringConst(time.RFC1123)}, {"Kitchen", stringConst(time.Kitchen)}, {"DateOnly", stringConst(time.DateOnly)}, {"DateTime", stringConst(time.DateTime)},
		{"January", time.January}, {"February", time.February}, {"March", time.March}, {"April", time.April}, {"May", time.May}, {"June", time.June}, {"July", time.July}, {"August", time.August},
		{"September", time.September}, {"October", time.October}, {"November", time.November}, {"December", time.December}, {"Sunday", time.Sunday}, {"Monday", time.Monday}, {"Tuesday", time.Tuesday},
		{"Wednesday", time.Wednesday}, {"Thursday", time.Thursday}, {"Friday", time.Friday}, {"Saturday", time.Saturday}}},
	{"unicode", []stdName{{"IsUpper", unicode.IsUpper}, {"IsLower", unicode.IsLower}, {"IsLetter", unicode.IsLetter}, {"IsDigit", unicode.IsDigit}, {"IsSpace", unicode.IsSpace}, {"IsPunct", unicode.IsPunct}, {"ToUpper", unicode.ToUpper}, {"ToLower", unicode.ToLower}}},
	{"unicode/utf8", []stdName{{"RuneCountInString", utf8.RuneCountInString}, {"RuneLen", utf8.RuneLen}, {"ValidString", utf8.ValidString}, {"DecodeRuneInString", utf8.DecodeRuneInString}, {"RuneError", intConst("65533")}, {"RuneCount", utf8.RuneCount}, {"DecodeLastRuneInString", utf8.DecodeLastRuneInString}}},
	{"slices", []stdName{}},
	{"maps", []stdName{}},
	{"iter", []stdName{}},
	{"syscall", []stdName{}},
	{"runtime", []stdName{}},
	{"cmp", []stdName{}},
}

// Constants of the table: their text, which costs nothing until somebody asks.
type (
	floatConst  string
	intConst    string
	stringConst string
)

type stdPackage struct {
	path  string
	names []stdName
}

// stdName is a name of a package: a func, a constant, a pointer to a variable, or a nil
// pointer to a value of a type. The table is data that the linker lays out.
type stdName struct {
	name string
	x    any
}

// valueOf is what a name stands for in a list of the table, nil where it is not there.
func valueOf(list []stdName, name string) any {
	for _, n := range list {
		if n.name == name {
			return n.x
		}
	}
	return nil
}

func namesOf(list []stdName) (l []string) {
	for _, n := range list {
		l = append(l, n.name)
	}
	return l
}

func stdPackageOf(path string) []stdName {
	for _, p := range stdPackages {
		if p.path == path {
			return p.names
		}
	}
	return nil
}

// stdMethodList are methods of types of the table, which the linker drops where the
// program does not call them.
var stdMethodList = []stdMethodsOf{
	{(*strings.Builder)(nil), []stdName{
		{"WriteString", (*strings.Builder).WriteString}, {"WriteByte", (*strings.Builder).WriteByte}, {"WriteRune", (*strings.Builder).WriteRune}, {"Write", (*strings.Builder).Write}, {"String", (*strings.Builder).String}, {"Len", (*strings.Builder).Len},
		{"Reset", (*strings.Builder).Reset}, {"Grow", growBuilder},
	}},
	{(*strings.Reader)(nil), []stdName{
		{"Read", (*strings.Reader).Read}, {"ReadByte", (*strings.Reader).ReadByte}, {"Len", (*strings.Reader).Len}, {"ReadRune", (*strings.Reader).ReadRune},
	}},
	{(*strings.Replacer)(nil), []stdName{
		{"Replace", (*strings.Replacer).Replace},
	}},
	{(*bytes.Buffer)(nil), []stdName{
		{"WriteString", (*bytes.Buffer).WriteString}, {"Write", (*bytes.Buffer).Write}, {"WriteByte", (*bytes.Buffer).WriteByte}, {"String", (*bytes.Buffer).String}, {"Len", (*bytes.Buffer).Len}, {"Bytes", (*bytes.Buffer).Bytes},
		{"Reset", (*bytes.Buffer).Reset}, {"Grow", growBuffer}, {"Read", (*bytes.Buffer).Read},
	}},
	{(*sync.Mutex)(nil), []stdName{
		{"Unlock", unlock}, {"TryLock", (*sync.Mutex).TryLock}, {"Lock", (*sync.Mutex).Lock},
	}},
	{(*sync.RWMutex)(nil), []stdName{
		{"Lock", (*sync.RWMutex).Lock}, {"Unlock", unlockWriter}, {"RLock", (*sync.RWMutex).RLock}, {"RUnlock", unlockReader}, {"TryLock", (*sync.RWMutex).TryLock},
	}},
	{(*sync.WaitGroup)(nil), []stdName{
		{"Add", (*sync.WaitGroup).Add}, {"Done", (*sync.WaitGroup).Done}, {"Wait", (*sync.WaitGroup).Wait}, {"Go", (*sync.WaitGroup).Go},
	}},
	{(*sync.Pool)(nil), []stdName{
		{"Get", (*sync.Pool).Get}, {"Put", (*sync.Pool).Put},
	}},
	{(*sync.Cond)(nil), []stdName{
		{"Wait", waitCond}, {"Signal", (*sync.Cond).Signal}, {"Broadcast", (*sync.Cond).Broadcast},
	}},
	{(*time.Timer)(nil), []stdName{
		{"Stop", (*time.Timer).Stop}, {"Reset", (*time.Timer).Reset},
	}},
	{(*time.Ticker)(nil), []stdName{
		{"Stop", (*time.Ticker).Stop}, {"Reset", (*time.Ticker).Reset},
	}},
	{(*sync.Once)(nil), []stdName{
		{"Do", (*sync.Once).Do},
	}},
	{(*sync.Map)(nil), []stdName{
		{"Load", (*sync.Map).Load}, {"Store", (*sync.Map).Store}, {"Range", (*sync.Map).Range}, {"Delete", (*sync.Map).Delete}, {"LoadOrStore", (*sync.Map).LoadOrStore}, {"LoadAndDelete", (*sync.Map).LoadAndDelete},
	}},
	{(*atomic.Int64)(nil), []stdName{
		{"Add", (*atomic.Int64).Add}, {"Load", (*atomic.Int64).Load}, {"Store", (*atomic.Int64).Store}, {"Swap", (*atomic.Int64).Swap}, {"CompareAndSwap", (*atomic.Int64).CompareAndSwap},
	}},
	{(*atomic.Int32)(nil), []stdName{
		{"Add", (*atomic.Int32).Add}, {"Load", (*atomic.Int32).Load}, {"Store", (*atomic.Int32).Store}, {"CompareAndSwap", (*atomic.Int32).CompareAndSwap}, {"Swap", (*atomic.Int32).Swap},
	}},
	{(*atomic.Uint64)(nil), []stdName{
		{"Add", (*atomic.Uint64).Add}, {"Load", (*atomic.Uint64).Load}, {"Store", (*atomic.Uint64).Store}, {"CompareAndSwap", (*atomic.Uint64).CompareAndSwap}, {"Swap", (*atomic.Uint64).Swap},
	}},
	{(*atomic.Bool)(nil), []stdName{
		{"Load", (*atomic.Bool).Load}, {"Store", (*atomic.Bool).Store}, {"CompareAndSwap", (*atomic.Bool).CompareAndSwap}, {"Swap", (*atomic.Bool).Swap},
	}},
	{(*time.Duration)(nil), []stdName{
		{"String", time.Duration.String}, {"Seconds", time.Duration.Seconds}, {"Minutes", time.Duration.Minutes}, {"Hours", time.Duration.Hours}, {"Milliseconds", time.Duration.Milliseconds}, {"Microseconds", time.Duration.Microseconds},
		{"Nanoseconds", time.Duration.Nanoseconds}, {"Round", time.Duration.Round}, {"Truncate", time.Duration.Truncate},
	}},
	{(*time.Time)(nil), []stdName{
		{"String", time.Time.String}, {"Format", time.Time.Format}, {"Unix", time.Time.Unix}, {"UnixNano", time.Time.UnixNano}, {"UnixMilli", time.Time.UnixMilli}, {"Sub", time.Time.Sub},
		{"Add", time.Time.Add}, {"AddDate", time.Time.AddDate}, {"After", time.Time.After}, {"Before", time.Time.Before}, {"Equal", time.Time.Equal}, {"IsZero", time.Time.IsZero},
		{"Year", time.Time.Year}, {"Month", time.Time.Month}, {"Day", time.Time.Day}, {"Hour", time.Time.Hour}, {"Minute", time.Time.Minute}, {"Second", time.Time.Second},
		{"Weekday", time.Time.Weekday}, {"UTC", time.Time.UTC}, {"Local", time.Time.Local}, {"YearDay", time.Time.YearDay}, {"Truncate", time.Time.Truncate}, {"Nanosecond", time.Time.Nanosecond}, {"In", time.Time.In}, {"Compare", time.Time.Compare},
	}},
	{(*time.Month)(nil), []stdName{
		{"String", time.Month.String},
	}},
	{(*time.Weekday)(nil), []stdName{
		{"String", time.Weekday.String},
	}},
}

type stdMethodsOf struct {
	of      any // a nil pointer to a value of the type
	methods []stdName
}

func stdMethods(rt reflect.Type) []stdName {
	for _, l := range stdMethodList {
		if reflect.TypeOf(l.of).Elem() == rt {
			return l.methods
		}
	}
	return nil
}

func stdMethod(rt reflect.Type, name string) reflect.Value {
	return reflect.ValueOf(valueOf(stdMethods(rt), name))
}

func stdMethodNames(rt reflect.Type) []string { return namesOf(stdMethods(rt)) }

// stdPath is the import path of a package of the table, of its path or last element.
func stdPath(name string) string {
	for _, p := range stdPackages {
		if p.path == name || lastElement(p.path) == name {
			return p.path
		}
	}
	return ""
}

func stdNames(path string) []string {
	l := namesOf(stdPackageOf(path))
	for _, x := range intercepted {
		if p, name, _ := strings.Cut(x.name, "|"); p == path {
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
	if v := s.intercept(path, name); v.IsValid() {
		return &object{kind: funcObject, name: name, path: path + "." + name, typ: s.types.of(v.Type()), global: v, own: true}
	}
	if o := s.preludeMember(c, path, name); o != nil {
		return o
	}
	x := valueOf(stdPackageOf(path), name)
	if x == nil {
		return nil
	}
	untypedConst := func(k untyped, v constant.Value) *object {
		return &object{kind: constObject, name: name, val: v, typ: s.types.consts[k]}
	}
	switch x := x.(type) {
	case intConst:
		digits, negative := strings.CutPrefix(string(x), "-")
		v := constant.MakeFromLiteral(digits, token.INT)
		if negative {
			v = constant.UnaryOp(tokSub, v, 0)
		}
		return untypedConst(untypedInt, v)
	case floatConst:
		return untypedConst(untypedFloat, constant.MakeFromLiteral(string(x), token.FLOAT))
	case float64:
		return untypedConst(untypedFloat, constant.MakeFloat64(x))
	case stringConst:
		return untypedConst(untypedString, constant.MakeString(string(x)))
	}
	v := reflect.ValueOf(x)
	switch {
	case v.CanInt(): // of package time, with its type
		return &object{kind: constObject, name: name, val: constant.MakeInt64(v.Int()), typ: s.types.of(v.Type())}
	case v.Kind() == reflect.Pointer && v.IsNil():
		return &object{kind: typeObject, name: name, typ: s.types.of(v.Type().Elem())}
	case v.Kind() == reflect.Pointer:
		return &object{kind: varObject, name: name, typ: s.types.of(v.Type().Elem()), global: v.Elem()}
	}
	return &object{kind: funcObject, name: name, path: path + "." + name, typ: s.types.of(v.Type()), global: v}
}
