package manifests

import (
	"strings"
	"testing"
)

func TestEveryObjectOfAStreamIsFound(t *testing.T) {
	objects, err := Parse("a.yaml", strings.NewReader(`
# nothing here
---
{apiVersion: v1, kind: Namespace, metadata: {name: a}}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: b}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: c}}
`))
	if err != nil || len(objects) != 3 || objects[2].String() != "Namespace/c" {
		t.Error(objects, err)
	}
}

func TestADocumentThatIsNoObjectIsAnError(t *testing.T) {
	for _, text := range []string{
		"a: 1",
		"[]",
		"{apiVersion: v1, kind: List, items: [1]}",
		"apiVersion: v1\nkind: Namespace\nkind: Pod\n",
		"{",
	} {
		if objects, err := Parse("a.yaml", strings.NewReader(text)); err == nil {
			t.Error(text, objects)
		}
	}
}
