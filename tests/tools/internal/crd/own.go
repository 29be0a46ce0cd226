package crd

import (
	"encoding/json"
	"fmt"

	definition "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"pinrail.dev/tests/tools/internal/manifests"
)

// Add takes the definitions of a file or folder: CustomResourceDefinitions, and Crossplane's
// CompositeResourceDefinitions, which become such ones in a cluster.
func (d *Definitions) Add(path string) error {
	objects, err := manifests.Read([]string{path})
	if err != nil {
		return err
	}
	for _, object := range objects {
		switch object.GetKind() {
		case "CompositeResourceDefinition":
			composite(object.Object)
		case "CustomResourceDefinition":
		default:
			continue
		}
		text, err := object.JSON()
		if err != nil {
			return err
		}
		var crd definition.CustomResourceDefinition
		if err := json.Unmarshal(text, &crd); err != nil {
			return fmt.Errorf("%s: %s: %w", object.File, object, err)
		}
		if err := d.define(&crd); err != nil {
			return fmt.Errorf("%s: %s: %w", object.File, object, err)
		}
	}
	return nil
}

// composite adds what Crossplane adds to the schema of a composite resource: its own settings in
// `spec.crossplane`, and the conditions of the status.
func composite(object map[string]any) {
	spec := child(object, "spec")
	if spec["scope"] == nil {
		spec["scope"] = "Namespaced"
	}
	versions, _ := spec["versions"].([]any)
	for _, version := range versions {
		root := child(child(version, "schema"), "openAPIV3Schema")
		properties := child(root, "properties")
		settings := child(child(properties, "spec"), "properties")
		settings["crossplane"] = map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
		status := child(properties, "status")
		status["type"], status["x-kubernetes-preserve-unknown-fields"] = "object", true
	}
}

// child is the map below a key, made if it is not there.
func child(parent any, key string) map[string]any {
	above, _ := parent.(map[string]any)
	below, ok := above[key].(map[string]any)
	if !ok {
		below = map[string]any{}
		if above != nil {
			above[key] = below
		}
	}
	return below
}
