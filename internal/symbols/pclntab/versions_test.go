package pclntab

import (
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

const checklist = `%s is not in the table of verified versions. To verify it:
 1. runtime/symtab.go: pcHeader, moduledata, functab; internal/abi/symtab.go: magic, flags, indices
 2. runtime/runtime2.go: _func, g.stack, g.m, m.curg, m.mallocing, m.preemptoff, m.locks
 3. runtime/symtabinl.go: inlinedCall
 4. runtime/panic.go: gopanic starts with the checks that package panics makes in its stead; no other way to panic
 5. runtime/stack.go: a stack that shrinks keeps room for gopanic behind its check (shrinkstack)
 6. cmd/compile/abi-internal.md: registers, R12 and R13 free at a function's start
 7. runtime.lastmoduledatap may still be linked to
Then add it to Versions and to the build tags of open.go and open_other.go, and run the tests of internal/probes in full.`

func TestVersions(t *testing.T) {
	v, err := Current()
	if err != nil {
		t.Fatalf(checklist, runtime.Version())
	}
	lo, hi := Versions[0].Minor, Versions[len(Versions)-1].Minor
	want := fmt.Sprintf("go1.%d && !go1.%d", lo, hi+1)
	for _, file := range []string{"open.go", "open_other.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if tag, _, _ := strings.Cut(string(b), "\n"); !strings.Contains(tag, want) {
			t.Errorf("%s: %s; the versions are %s", file, tag, want)
		}
	}
	layouts(t, v)
}

// layouts compares the offsets with the DWARF of a program: what 1 to 3 of the list are about.
func layouts(t *testing.T, v Version) {
	f, err := elf.Open(build(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := f.DWARF()
	if err != nil {
		t.Fatal(err)
	}
	structs := map[string]*dwarf.StructType{}
	for r := d.Reader(); ; {
		e, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			break
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		if e.Tag == dwarf.TagStructType && strings.HasPrefix(name, "runtime.") {
			typ, err := d.Type(e.Offset)
			if err != nil {
				t.Fatal(err)
			}
			structs[name] = typ.(*dwarf.StructType)
		}
	}
	check := func(typ, field string, want int64) {
		t.Helper()
		s := structs["runtime."+typ]
		if s == nil {
			t.Errorf("no runtime.%s", typ)
			return
		}
		if field == "" {
			if s.ByteSize != want {
				t.Errorf("runtime.%s has %d bytes, not %d", typ, s.ByteSize, want)
			}
			return
		}
		for _, f := range s.Field {
			if f.Name == field {
				if f.ByteOffset != want {
					t.Errorf("runtime.%s.%s is at %d, not %d", typ, field, f.ByteOffset, want)
				}
				return
			}
		}
		t.Errorf("no runtime.%s.%s", typ, field)
	}
	check("g", "stack", int64(v.GStackLo))
	check("stack", "lo", 0)
	check("stack", "hi", int64(v.GStackHi-v.GStackLo))
	check("g", "stackguard0", 16)
	check("g", "m", int64(v.GM))
	check("m", "curg", int64(v.MCurg))
	check("m", "mallocing", int64(v.MMallocing))
	check("m", "preemptoff", int64(v.MPreemptoff)-8)
	check("m", "locks", int64(v.MLocks))
	check("pcHeader", "", headerBytes)
	check("pcHeader", "nfunc", 8)
	check("_func", "", recordBytes)
	check("inlinedCall", "", inlinedBytes)
	check("inlinedCall", "nameOff", 4)
	check("inlinedCall", "parentPc", 8)
	check("inlinedCall", "startLine", 12)
	check("functab", "", indexEntryBytes)
	for field, want := range map[string]int64{
		"entryOff": fieldEntry, "nameOff": fieldName, "args": fieldArgs, "pcsp": fieldPCSP, "pcfile": fieldPCFile,
		"pcln": fieldPCLine, "npcdata": fieldNPCData, "cuOffset": fieldUnit, "startLine": fieldStart,
		"funcID": fieldID, "flag": fieldFlag, "nfuncdata": fieldNData,
	} {
		check("_func", field, want)
	}
	for field, word := range map[string]int64{
		"pcHeader": wordHeader, "funcnametab": wordNames, "cutab": wordUnits, "filetab": wordFiles, "pctab": wordPCs,
		"pclntable": wordFuncs, "ftab": wordIndex, "text": wordText, "noptrdata": wordNoptrdata, "data": wordData,
		"bss": wordBss, "noptrbss": wordNoptrbss, "types": wordTypes, "rodata": wordRodata, "gofunc": wordGofunc,
		"epclntab": wordEnd, "textsectmap": wordTextSects, "pluginpath": wordPluginPath,
	} {
		check("moduledata", field, 8*word)
	}
}

func TestVersionOf(t *testing.T) {
	for version, minor := range map[string]int{
		"go1.26": 26, "go1.26.8": 26, "go1.26rc1": 26, "go1.26.8 X:jsonv2": 26, "go1.26-custom": 26,
		"go1.25.3": 0, "go1.127": 0, "go1.": 0, "devel go1.26-abcdef": 0, "go2.26": 0, "": 0,
	} {
		v, err := VersionOf(version)
		if v.Minor != minor || (err == nil) != (minor != 0) {
			t.Errorf("%q: %d, %v", version, v.Minor, err)
		}
		if err != nil && (!errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "go1.26")) {
			t.Errorf("%q: %v", version, err)
		}
	}
}
