package http

import (
	"net/http"
	"sync"
)

// headers is what is kept of a request's header while it runs. The handler may
// change the map, so it cannot be read later; the strings never change, so
// keeping them costs no more than their places.
type headers struct {
	list []field
	more int // values that were not kept
}

type field struct{ name, value string }

// maxHeaders is how many values are kept.
const maxHeaders = 64

var headersPool = sync.Pool{New: func() any { return &headers{list: make([]field, 0, 16)} }}

func headersOf(h http.Header) *headers {
	k := headersPool.Get().(*headers)
	for name, values := range h {
		for _, v := range values {
			if len(k.list) == maxHeaders {
				k.more++
				continue
			}
			k.list = append(k.list, field{name, v})
		}
	}
	return k
}

// release is called once nobody else can have it.
func (k *headers) release() {
	clear(k.list)
	k.list, k.more = k.list[:0], 0
	headersPool.Put(k)
}
