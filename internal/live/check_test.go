package live

import "testing"

func TestCheck(t *testing.T) {
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	if len(plainly) > 0 {
		t.Errorf("these are not laid out as known: %v", plainly)
	}
}
