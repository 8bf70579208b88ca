package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Item is one kind of goods.
type Item struct {
	ID    int
	Name  string
	Cents int
	Stock int
}

// Customer is who orders.
type Customer struct {
	Name  string
	Token string // what debuggers must not show
}

// Order is what a customer ordered.
type Order struct {
	Number   int
	Customer *Customer `json:"-"`
	Item     Item
	Placed   time.Time
}

// Store holds the goods and the last orders.
type Store struct {
	mu     sync.Mutex
	items  map[int]*Item
	orders []Order
	placed int
}

var errSoldOut = errors.New("sold out")

// most is how many items the store keeps of each kind, and how many orders.
var most = 100

// store is the program's only one.
var store = newStore()

func newStore() *Store {
	s := &Store{items: make(map[int]*Item)}
	for i, name := range []string{"apple", "bread", "cheese", "dates", "eggs"} {
		s.items[i+1] = &Item{ID: i + 1, Name: name, Cents: 150 * (i + 1), Stock: most}
	}
	return s
}

// order orders an item and waits for its invoice.
func (s *Server) order(w http.ResponseWriter, r *http.Request) error {
	id, err := number(r, "id", 3, 1000)
	if err != nil {
		return err
	}
	customer := &Customer{Name: "Ada", Token: "not to be shown"}
	o, err := store.place(customer, id)
	if err != nil {
		return fmt.Errorf("order: %w", err)
	}
	invoice, err := s.pool.Invoice(r.Context(), o)
	if err != nil {
		return fmt.Errorf("order %d: %w", o.Number, err)
	}
	// The token is there for ispyd to hide: do not do this.
	slog.InfoContext(r.Context(), "ordered", "number", o.Number, "item", o.Item.Name, "token", customer.Token)
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(invoice)
}

// place takes an item out of the store.
func (s *Store) place(c *Customer, id int) (Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, err := s.find(id)
	if err != nil {
		return Order{}, err
	}
	if err := s.take(item); err != nil {
		return Order{}, fmt.Errorf("%s: %w", item.Name, err)
	}
	s.placed++
	o := Order{Number: s.placed, Customer: c, Item: *item, Placed: time.Now()}
	s.orders = append(s.orders, o)
	return o, nil
}

func (s *Store) find(id int) (*Item, error) {
	item, ok := s.items[id]
	if !ok {
		return nil, &badRequest{fmt.Sprintf("there is no item %d", id)}
	}
	return item, nil
}

func (s *Store) take(item *Item) error {
	if item.Stock == 0 {
		return errSoldOut
	}
	item.Stock--
	return nil
}

// restock fills up the store, time and again, and forgets old orders.
func restock(ctx context.Context, s *Store, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.refill()
		}
	}
}

func (s *Store) refill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, item := range s.items {
		item.Stock = most
	}
	if n := len(s.orders); n > most {
		s.orders = append([]Order(nil), s.orders[n-most:]...)
	}
}
