package symbols

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// The tags, attributes and forms of DWARF 4 and 5 that matter here; the
// attributes from 0x2900 on are Go's own (cmd/internal/dwarf).
const (
	tagArray      = 0x01
	tagParameter  = 0x05
	tagMember     = 0x0d
	tagBlock      = 0x0b
	tagPointer    = 0x0f
	tagUnit       = 0x11
	tagStruct     = 0x13
	tagFuncType   = 0x15
	tagTypedef    = 0x16
	tagEllipsis   = 0x18
	tagInlined    = 0x1d
	tagSubrange   = 0x21
	tagBase       = 0x24
	tagConstant   = 0x27
	tagSubprogram = 0x2e
	tagVariable   = 0x34

	atLocation       = 0x02
	atName           = 0x03
	atByteSize       = 0x0b
	atLowPC          = 0x11
	atHighPC         = 0x12
	atLanguage       = 0x13
	atConstValue     = 0x1c
	atInline         = 0x20
	atProducer       = 0x25
	atAbstractOrigin = 0x31
	atCount          = 0x37
	atMemberLocation = 0x38
	atDeclLine       = 0x3b
	atFrameBase      = 0x40
	atType           = 0x49
	atResult         = 0x4b // DW_AT_variable_parameter: set on results
	atRanges         = 0x55
	atTrampoline     = 0x56
	atAddrBase       = 0x73
	atGoKind         = 0x2900
	atGoKey          = 0x2901
	atGoElem         = 0x2902
	atGoEmbedded     = 0x2903
	atGoRuntimeType  = 0x2904
	atGoDict         = 0x2906
	atGoClosure      = 0x2907

	formAddr          = 0x01
	formBlock2        = 0x03
	formBlock4        = 0x04
	formData2         = 0x05
	formData4         = 0x06
	formData8         = 0x07
	formString        = 0x08
	formBlock         = 0x09
	formBlock1        = 0x0a
	formData1         = 0x0b
	formFlag          = 0x0c
	formSdata         = 0x0d
	formStrp          = 0x0e
	formUdata         = 0x0f
	formRefAddr       = 0x10
	formRef1          = 0x11
	formRef2          = 0x12
	formRef4          = 0x13
	formRef8          = 0x14
	formRefUdata      = 0x15
	formSecOffset     = 0x17
	formExprloc       = 0x18
	formFlagPresent   = 0x19
	formStrx          = 0x1a
	formAddrx         = 0x1b
	formData16        = 0x1e
	formLineStrp      = 0x1f
	formRefSig8       = 0x20
	formImplicitConst = 0x21
	formLoclistx      = 0x22
	formRnglistx      = 0x23
	formStrx1         = 0x25
	formStrx4         = 0x28
	formAddrx1        = 0x29
	formAddrx4        = 0x2c

	languageGo = 0x16
	opAddr     = 0x03
)

// errMalformed is what reading broken debug information ends with.
var errMalformed = errors.New("the debug information is malformed")

// maxAbbrev is the largest code of an abbreviation that is taken. Go's linker
// uses some 40, a C compiler some hundreds.
const maxAbbrev = 1 << 14

type attribute struct {
	at, form uint16
	value    int64 // of formImplicitConst
}

type abbrev struct {
	tag      uint16
	children bool
	attrs    []attribute
	// skip says how to step over an entry: runs of bytes of a fixed number
	// between the forms whose length stands in the data.
	skip []step
}

// step is a number of bytes, and then a value of the form, unless that is 0.
type step struct {
	bytes uint32
	form  uint16
}

// entry is a debugging information entry. Strings and slices point into the
// section and must not outlive a [table]'s lock.
type entry struct {
	off, next           int
	tag                 uint16
	children            bool
	nameOff             int // where the name stands, 0 for none
	name, producer      string
	location            []byte
	typ, key, elem      int
	origin              int
	runtimeType         uint64
	lowPC               uint64
	highPC              uint64
	addrBase            uint64
	size, member, count int64
	constant            int64
	kind, language      uint8
	line                uint32
	loclist, ranges     int // offsets in their sections

	hasLow, lowIndexed, hasSize, hasOrigin  bool
	inline, result, embedded, dict, closure bool
	trampoline, hasCount, hasConst          bool
	hasLoclist, hasRanges, highIsAddr       bool
	cfaBase                                 bool // the frame base is DW_OP_call_frame_cfa
}

func uleb(b []byte, p int) (uint64, int) {
	c := b[p]
	if c < 0x80 {
		return uint64(c), p + 1
	}
	var v uint64
	for s := uint(0); ; s += 7 {
		c := b[p]
		p++
		v |= uint64(c&0x7f) << s
		if c < 0x80 {
			return v, p
		}
		if s > 63 {
			panic(errMalformed)
		}
	}
}

func sleb(b []byte, p int) (int64, int) {
	var v int64
	for s := uint(0); ; {
		c := b[p]
		p++
		v |= int64(c&0x7f) << s
		s += 7
		if c < 0x80 {
			if c&0x40 != 0 && s < 64 {
				v |= -1 << s
			}
			return v, p
		}
		if s > 63 {
			panic(errMalformed)
		}
	}
}

// fixed returns the number of bytes of a form, or -1 where the data tells.
func fixed(form uint16) int {
	switch form {
	case formFlagPresent, formImplicitConst:
		return 0
	case formData1, formFlag, formRef1, formStrx1, formAddrx1:
		return 1
	case formData2, formRef2, formStrx1 + 1, formAddrx1 + 1:
		return 2
	case formStrx1 + 2, formAddrx1 + 2:
		return 3
	case formData4, formRefAddr, formRef4, formSecOffset, formStrp, formLineStrp, formStrx4, formAddrx4:
		return 4
	case formAddr, formData8, formRef8, formRefSig8:
		return 8
	case formData16:
		return 16
	}
	return -1
}

// readAbbrevs reads one table of abbreviations, by code.
func readAbbrevs(b []byte, p int) []abbrev {
	list := make([]abbrev, 1, 64)
	for {
		var code, tag uint64
		code, p = uleb(b, p)
		if code == 0 {
			return list
		}
		if code > maxAbbrev {
			panic(errMalformed)
		}
		tag, p = uleb(b, p)
		a := abbrev{tag: uint16(tag), children: b[p] == 1}
		p++
		for {
			var at, form uint64
			at, p = uleb(b, p)
			form, p = uleb(b, p)
			if at == 0 && form == 0 {
				break
			}
			t := attribute{at: uint16(at), form: uint16(form)}
			if form == formImplicitConst {
				t.value, p = sleb(b, p)
			}
			a.attrs = append(a.attrs, t)
		}
		a.skip = stepsOf(a.attrs)
		for uint64(len(list)) <= code {
			list = append(list, abbrev{})
		}
		list[code] = a
	}
}

func stepsOf(attrs []attribute) (steps []step) {
	var n uint32
	for _, t := range attrs {
		if w := fixed(t.form); w >= 0 {
			n += uint32(w)
			continue
		}
		steps = append(steps, step{n, t.form})
		n = 0
	}
	if n > 0 {
		steps = append(steps, step{n, 0})
	}
	return steps
}

// skipForm steps over a value whose length stands in the data.
func skipForm(b []byte, p int, form uint16) int {
	var n uint64
	switch form {
	case formString:
		for b[p] != 0 {
			p++
		}
		return p + 1
	case formUdata, formRefUdata, formStrx, formAddrx, formLoclistx, formRnglistx:
		for b[p] >= 0x80 {
			p++
		}
		return p + 1
	case formSdata:
		_, p = sleb(b, p)
		return p
	case formBlock1:
		n, p = uint64(b[p]), p+1
	case formBlock2:
		n, p = uint64(binary.LittleEndian.Uint16(b[p:])), p+2
	case formBlock4:
		n, p = uint64(binary.LittleEndian.Uint32(b[p:])), p+4
	case formBlock, formExprloc:
		n, p = uleb(b, p)
	default:
		panic(errMalformed)
	}
	if n > uint64(len(b)-p) {
		panic(errMalformed)
	}
	return p + int(n)
}

// skipEntry returns the offset behind the entry at p, and its abbreviation, nil
// for the end of a list of children.
func skipEntry(b []byte, abbrevs []abbrev, p int) (int, *abbrev) {
	code, p := uleb(b, p)
	if code == 0 {
		return p, nil
	}
	if code >= uint64(len(abbrevs)) {
		panic(errMalformed)
	}
	a := &abbrevs[code]
	if a.tag == 0 {
		panic(errMalformed)
	}
	for _, s := range a.skip {
		p += int(s.bytes)
		if s.form != 0 {
			p = skipForm(b, p, s.form)
		}
	}
	return p, a
}

// readEntry reads the entry at p into e. The tag is 0 for the end of a list of
// children. It panics where the data is not right.
func readEntry(b []byte, abbrevs []abbrev, p int, e *entry) {
	*e = entry{off: p}
	code, p := uleb(b, p)
	e.next = p
	if code == 0 {
		return
	}
	if code >= uint64(len(abbrevs)) || abbrevs[code].tag == 0 {
		panic(errMalformed)
	}
	a := &abbrevs[code]
	e.tag, e.children = a.tag, a.children
	for i := range a.attrs {
		t := &a.attrs[i]
		p = e.attribute(b, p, t)
	}
	e.next = p
}

// attribute reads one value and notes it if it is one that matters.
func (e *entry) attribute(b []byte, p int, t *attribute) int {
	var v uint64
	switch t.form {
	case formAddr, formData8, formRefSig8, formRef8:
		v, p = binary.LittleEndian.Uint64(b[p:]), p+8
	case formData1, formFlag, formRef1, formStrx1, formAddrx1:
		v, p = uint64(b[p]), p+1
	case formData2, formRef2, formStrx1 + 1, formAddrx1 + 1:
		v, p = uint64(binary.LittleEndian.Uint16(b[p:])), p+2
	case formData4, formRefAddr, formSecOffset, formRef4, formStrp, formLineStrp, formStrx4, formAddrx4:
		v, p = uint64(binary.LittleEndian.Uint32(b[p:])), p+4
	case formUdata, formAddrx, formRefUdata, formStrx:
		v, p = uleb(b, p)
	case formSdata:
		var s int64
		s, p = sleb(b, p)
		v = uint64(s)
	case formFlagPresent:
		v = 1
	case formImplicitConst:
		v = uint64(t.value)
	case formString:
		q := skipForm(b, p, formString)
		if t.at == atName {
			e.nameOff, e.name = p, text(b[p:q-1])
		} else if t.at == atProducer {
			e.producer = text(b[p : q-1])
		}
		return q
	case formBlock1, formExprloc, formBlock, formBlock2, formBlock4:
		q := skipForm(b, p, t.form)
		if t.at == atLocation || t.at == atFrameBase {
			block := b[p:q]
			if t.form == formBlock1 || t.form == formExprloc {
				_, n := uleb(b, p)
				block = b[n:q]
			}
			if t.at == atLocation {
				e.location = block
			} else {
				e.cfaBase = len(block) == 1 && block[0] == opCallFrameCFA
			}
		}
		return q
	default:
		if w := fixed(t.form); w >= 0 {
			_ = b[p+w-1]
			return p + w
		}
		return skipForm(b, p, t.form)
	}
	e.set(t, v)
	return p
}

func (e *entry) set(t *attribute, v uint64) {
	switch t.at {
	case atType:
		e.typ = int(v)
	case atGoRuntimeType:
		e.runtimeType = v
	case atGoKind:
		e.kind = uint8(v)
	case atGoKey:
		e.key = int(v)
	case atGoElem:
		e.elem = int(v)
	case atAbstractOrigin:
		e.origin, e.hasOrigin = int(v), true
	case atLowPC:
		e.lowPC, e.hasLow = v, true
		e.lowIndexed = t.form == formAddrx || t.form >= formAddrx1 && t.form <= formAddrx4
	case atHighPC:
		e.highPC, e.highIsAddr = v, t.form == formAddr
	case atLocation:
		e.loclist, e.hasLoclist = int(v), t.form == formSecOffset || t.form == formData4
	case atRanges:
		e.ranges, e.hasRanges = int(v), t.form == formSecOffset || t.form == formData4
	case atByteSize:
		e.size, e.hasSize = int64(v), true
	case atMemberLocation:
		e.member = int64(v)
	case atCount:
		e.count, e.hasCount = int64(v), true
	case atInline:
		e.inline = true
	case atResult:
		e.result = v != 0
	case atTrampoline:
		e.trampoline = v != 0
	case atGoEmbedded:
		e.embedded = v != 0
	case atLanguage:
		e.language = uint8(v)
	case atAddrBase:
		e.addrBase = v
	case atConstValue:
		e.constant, e.hasConst = int64(v), true
	case atGoDict:
		e.dict = true
	case atGoClosure:
		e.closure = true
	case atDeclLine:
		e.line = uint32(v)
	}
}

// text is a string over the bytes of the section.
func text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}
