package crd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pinrail.dev/tests/tools/internal/manifests"
)

const definitions = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Boat, plural: boats}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [size]
              properties:
                size: {type: integer, minimum: 1}
                sails: {type: integer, default: 1}
                crew: {type: array, items: {type: string}, x-kubernetes-list-type: set}
              x-kubernetes-validations:
                - {rule: self.sails <= self.size, message: too many sails}
    - {name: v0, served: false, storage: false, schema: {openAPIV3Schema: {type: object}}}
---
apiVersion: apiextensions.crossplane.io/v2
kind: CompositeResourceDefinition
metadata: {name: databases.example.com}
spec:
  group: example.com
  names: {kind: Database, plural: databases}
  versions:
    - name: v1
      served: true
      referenceable: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {storage: {type: integer}}}}}}
`

// judge gives the problems of an object, one a line.
func judge(t *testing.T, text string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "crds.yaml")
	if err := os.WriteFile(file, []byte(definitions), 0o644); err != nil {
		t.Fatal(err)
	}
	d := Open(t.TempDir())
	if err := d.Add(file); err != nil {
		t.Fatal(err)
	}
	objects, err := manifests.Parse("test", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	problems, err := d.Validate(objects[0].Unstructured)
	var lines []string
	for _, problem := range problems {
		lines = append(lines, problem.Error())
	}
	return strings.Join(lines, "\n"), err
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for object, want := range map[string]string{
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: a}, spec: {size: 2}}":                                  "",
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: a}, spec: {size: 2, sails: null}}":                     "",
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: a}, spec: {size: 2, sail: 1}}":                         "spec.sail: Forbidden: unknown field",
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: a, label: {}}, spec: {size: 2}}":                       "metadata.label: Forbidden: unknown field",
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: A}, spec: {size: 2}}":                                  "metadata.name: Invalid value",
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: a}, spec: {}}":                                         "spec.size: Required value",
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: a}, spec: {size: '2'}}":                                "must be of type integer",
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: a}, spec: {size: 0}}":                                  "should be greater than or equal to 1",
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: a}, spec: {size: 1, sails: 2}}":                        "too many sails",
		"{apiVersion: example.com/v1, kind: Boat, metadata: {name: a}, spec: {size: 1, crew: [x, x]}}":                    "spec.crew[1]: Duplicate value",
		"{apiVersion: example.com/v1, kind: Database, metadata: {name: a}, spec: {storage: 1}}":                           "",
		"{apiVersion: example.com/v1, kind: Database, metadata: {name: a}, spec: {crossplane: {compositionRef: {x: y}}}}": "",
		"{apiVersion: example.com/v1, kind: Database, metadata: {name: a}, spec: {size: 1}}":                              "spec.size: Forbidden: unknown field",
	} {
		got, err := judge(t, object)
		if err != nil || !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%s: %s, %v", object, got, err)
		}
	}
}

func TestAKindWithoutADefinitionIsUnknown(t *testing.T) {
	for _, object := range []string{
		"{apiVersion: example.com/v1, kind: Ship}",
		"{apiVersion: example.com/v0, kind: Boat}",
		"{apiVersion: example.com/v2, kind: Boat}",
	} {
		if _, err := judge(t, object); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", object, err)
		}
	}
}
