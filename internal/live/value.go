package live

import "github.com/ispyd/ispyd/internal/symbols"

// Form says which fields of a Value hold what.
type Form uint8

// The forms.
const (
	// Unknown is a value that could not be read; Note says why.
	Unknown Form = iota
	// Nil is a nil pointer, map, slice, channel, function or interface.
	Nil
	// Bool, Number, String and Bytes have Text: true, 12, 0.5, and for the last
	// two the text itself, not quoted.
	Bool
	Number
	String
	Bytes
	// Word is an address or another word whose Text is not a Go constant that
	// JSON could write: 0xc000012345, NaN.
	Word
	// Special is a value in words of its own: a time, a duration. Text is how
	// one reads it.
	Special
	// Struct has Members with Names, List has Members, Map has Members with
	// Keys.
	Struct
	List
	Map
	// Pointer and Interface have one Member, what they point to or hold.
	Pointer
	Interface
	// Func has the name of the function in Text.
	Func
	// Chan and Lock have what is known of them in Facts.
	Chan
	Lock
	// Hidden is a value that the configuration does not show.
	Hidden
)

// Value is a copy of a value of the program. It points to nothing of it.
type Value struct {
	Form Form
	// Type is the type; of an interface that is not nil its static type.
	Type *symbols.Type
	Text string
	// Addr is where a Pointer points to.
	Addr uintptr
	// Len is the true number of elements, or of bytes of a String.
	Len     int
	Members []Member
	Facts   []Fact
	// Note says what was cut, or is wrong with the value.
	Note string
	// Cycle is set on a pointer that leads back to a value around it.
	Cycle bool
}

// Member is a field, an element, or an entry of a map.
type Member struct {
	Name  string
	Key   *Value
	Value *Value
}

// Fact is something known of a channel or lock.
type Fact struct {
	Name  string
	Value int
}

// Limits bound what a value may become. Zero fields stand for those of
// [DefaultLimits].
type Limits struct {
	// Depth is the number of pointers, interfaces, structs and lists in each
	// other.
	Depth int
	// Items is the number of elements of one list or map that are shown.
	Items int
	// String is the number of bytes of one string that are shown.
	String int
	// Values is the number of values altogether.
	Values int
}

// DefaultLimits make of most values a page or some.
var DefaultLimits = Limits{Depth: 8, Items: 100, String: 4096, Values: 10000}

func (l Limits) orDefault() Limits {
	for _, f := range []struct{ p, d *int }{
		{&l.Depth, &DefaultLimits.Depth}, {&l.Items, &DefaultLimits.Items},
		{&l.String, &DefaultLimits.String}, {&l.Values, &DefaultLimits.Values},
	} {
		if *f.p <= 0 {
			*f.p = *f.d
		}
	}
	return l
}
