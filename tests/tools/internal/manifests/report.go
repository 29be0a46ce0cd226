package manifests

import (
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Report prints one line for each problem and counts them.
type Report struct {
	Out      io.Writer
	Problems int
}

// Line prints `FILE: kind/name: field: message`; newlines in the message become spaces.
func (r *Report) Line(object Object, at, message string) {
	r.Problems++
	message = strings.Join(strings.Fields(message), " ")
	if at != "" {
		message = at + ": " + message
	}
	fmt.Fprintf(r.Out, "%s: %s: %s\n", object.File, object, message)
}

// Fields prints the problems of an object's fields.
func (r *Report) Fields(object Object, problems field.ErrorList) {
	for _, problem := range problems {
		at := problem.Field
		if at == "<nil>" {
			at = ""
		}
		r.Line(object, at, problem.ErrorBody())
	}
}
