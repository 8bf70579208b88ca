package minicore

import "bytes"

// region is a range of addresses.
type region struct{ start, end uint64 }

// heapRegions finds in the text of /proc/PID/maps the memory that may be heap:
// private, readable, writable, and no file's; neither what the kernel maps for
// itself nor the main thread's stack. It appends to list, in the order of the
// addresses; what a line says that is no line of maps is passed over.
func heapRegions(list []region, text []byte) []region {
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			break // cut off in the middle: it is not believed
		}
		start, rest, ok := hexadecimal(line, '-')
		if !ok {
			continue
		}
		end, rest, ok := hexadecimal(rest, ' ')
		if !ok || start >= end || len(rest) < 4 || string(rest[:4]) != "rw-p" {
			continue
		}
		if name := sixth(rest); len(name) > 0 && !bytes.HasPrefix(name, []byte("[anon")) && string(name) != "[heap]" {
			continue
		}
		if k := len(list) - 1; k >= 0 && list[k].end == start {
			list[k].end = end
			continue
		}
		list = append(list, region{start, end})
	}
	return list
}

// sixth is the name at a line's end, behind permissions, offset, device, inode.
func sixth(b []byte) []byte {
	for range 4 {
		i := bytes.IndexByte(b, ' ')
		if i < 0 {
			return nil
		}
		b = bytes.TrimLeft(b[i:], " ")
	}
	return b
}

func hexadecimal(b []byte, end byte) (v uint64, rest []byte, ok bool) {
	for i, c := range b {
		switch {
		case c == end:
			return v, b[i+1:], i > 0
		case i == 16:
			return 0, nil, false
		case '0' <= c && c <= '9':
			v = v<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, nil, false
		}
	}
	return 0, nil, false
}
