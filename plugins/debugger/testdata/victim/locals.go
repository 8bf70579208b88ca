package main

import (
	"fmt"
	"strings"
)

// visit is a call with variables of each kind, which ends in a panic or an error.
//
//go:noinline
func (s *Shop) visit(id int, customer string) (total int, err error) {
	greeting := strings.Repeat("hello ", 2) + customer
	basket := []Item{{"apple", []string{"red", "ripe"}}, {"bread", nil}}
	counts := map[string]int{"apple": 2, "bread": 1}
	limit := 100 * id
	notes := &limit
	keep(&notes)
	var grid [3]int
	fill(&grid, id)
	for i := 0; i < 3; i++ {
		step := i * id
		if step > 4 {
			total, err = s.checkout(basket, counts, step)
			later := strings.ToUpper(greeting)
			if err != nil {
				return total + len(later) + grid[i] + len(counts), fmt.Errorf("%s: %w", greeting, err)
			}
		}
		total += step
	}
	return total + limit, err
}

var kept **int

//go:noinline
func keep(p **int) { kept = p }

//go:noinline
func fill(grid *[3]int, n int) {
	for i := range grid {
		grid[i] = n + i
	}
}

// checkout is called from visit, and has tally inlined.
//
//go:noinline
func (s *Shop) checkout(basket []Item, counts map[string]int, step int) (sum int, err error) {
	secret := "password of " + s.Name
	first := basket[0].Name
	sum = tally(basket, counts, step)
	if sum > 3 {
		return sum, fmt.Errorf("%s %s %d", first, secret[:8], sum)
	}
	return sum + len(secret) + len(first), nil
}

func tally(basket []Item, counts map[string]int, step int) int {
	most := 0
	for _, item := range basket {
		most += counts[item.Name]
	}
	return most + int(basket[step-6].Name[0])
}
