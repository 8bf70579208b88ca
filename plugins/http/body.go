package http

// body counts what the handler reads of the request's body.
type body serving

func (b *body) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.in.Add(int64(n))
	return n, err
}

func (b *body) Close() error { return b.body.Close() }
