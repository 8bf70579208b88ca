// This file lets labels_link.go declare a function without a body.
