package live

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// ip reads a net.IP: nil where it is none of 4 or 16 bytes.
func (d *Decoder) ip(p uintptr, n int) *Value {
	b := make([]byte, 16)
	if n != 4 && n != 16 || d.gone(p) || d.read(p, b[:n]) != nil {
		return nil
	}
	a, _ := netip.AddrFromSlice(b[:n])
	return &Value{Form: Special, Text: a.Unmap().String()}
}

// addr reads a netip.Addr: two words, and a pointer to what kind of address it is.
func (d *Decoder) addr(b []byte) *Value {
	p := word(b[16:])
	if p == 0 {
		return &Value{Form: Special, Text: netip.Addr{}.String()}
	}
	kind := make([]byte, 24) // isV6 bool, zoneV6 string
	if d.gone(p) || d.read(p, kind) != nil || kind[0] > 1 {
		return nil
	}
	var all [16]byte
	binary.BigEndian.PutUint64(all[:], wide(b))
	binary.BigEndian.PutUint64(all[8:], wide(b[8:]))
	a := netip.AddrFrom16(all)
	if kind[0] == 0 {
		a = a.Unmap()
	} else if n := number(kind[16:]); n > 0 && n < 256 {
		zone := make([]byte, n)
		if d.read(word(kind[8:]), zone) != nil {
			return nil
		}
		a = a.WithZone(string(zone))
	}
	return &Value{Form: Special, Text: a.String()}
}

// maxWords bounds the words of a big.Int that is written as one number.
const maxWords = 64

// bigInt reads a big.Int: in decimal where it has one word, else in hex, which needs
// no arithmetic.
func (d *Decoder) bigInt(b []byte) *Value {
	p, n := word(b[8:]), number(b[16:])
	if n < 0 || n > maxWords || d.gone(p) {
		return nil
	}
	w := make([]byte, 8*n)
	if n > 0 && d.read(p, w) != nil {
		return nil
	}
	var text []byte
	if b[0] != 0 {
		text = append(text, '-')
	}
	switch n {
	case 0:
		text = append(text, '0')
	case 1:
		text = strconv.AppendUint(text, wide(w), 10)
	default:
		text = strconv.AppendUint(append(text, "0x"...), wide(w[8*(n-1):]), 16)
		for i := n - 2; i >= 0; i-- {
			x := wide(w[8*i:])
			for s := 60; s >= 0; s -= 4 {
				text = append(text, "0123456789abcdef"[x>>s&15])
			}
		}
	}
	return &Value{Form: Special, Text: string(text)}
}
