package manifests

import "strings"

// List is a flag that may be given many times.
type List []string

func (l *List) String() string { return strings.Join(*l, " ") }

// Set adds one.
func (l *List) Set(value string) error {
	*l = append(*l, value)
	return nil
}
