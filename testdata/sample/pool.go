package main

import (
	"context"
	"sync"
)

// Invoice is what an order costs.
type Invoice struct {
	Order    int    `json:"order"`
	Customer string `json:"customer"`
	Item     string `json:"item"`
	Cents    int    `json:"cents"`
}

// Pool writes invoices on a fixed number of goroutines.
type Pool struct {
	workers int
	jobs    chan job
}

type job struct {
	order  Order
	result chan<- Invoice // holds one
}

// NewPool returns a pool that is not started.
func NewPool(workers int) *Pool {
	return &Pool{workers: workers, jobs: make(chan job)}
}

// Start starts the workers. They end with the context.
func (p *Pool) Start(ctx context.Context, running *sync.WaitGroup) {
	for range p.workers {
		running.Go(func() { p.work(ctx) })
	}
}

func (p *Pool) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-p.jobs:
			j.result <- write(j.order)
		}
	}
}

func write(o Order) Invoice {
	return Invoice{Order: o.Number, Customer: o.Customer.Name, Item: o.Item.Name, Cents: o.Item.Cents}
}

// Invoice has a worker write the invoice of an order.
func (p *Pool) Invoice(ctx context.Context, o Order) (Invoice, error) {
	result := make(chan Invoice, 1)
	select {
	case p.jobs <- job{o, result}:
		return <-result, nil
	case <-ctx.Done():
		return Invoice{}, context.Cause(ctx)
	}
}
