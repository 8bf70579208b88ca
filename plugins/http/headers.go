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

// release is called once nobody else can have it. What it has is overwritten by
// the next, or collected with the pool, unless it is worth the time.
func (k *headers) release() {
	size := 0
	for i := range k.list {
		size += len(k.list[i].value)
	}
	if size > 16<<10 {
		clear(k.list)
	}
	k.list, k.more = k.list[:0], 0
	headersPool.Put(k)
}
