// Command make-schemas lays out what the validators read, from the folders of pinned Go modules.
//
//	make-schemas OUT crd=FOLDER... kubernetes-1.34=FOLDER...
//
// It writes OUT/crds/GROUP/KIND.json for every CustomResourceDefinition below a crd folder, and the
// schemas of the OpenAPI documents of a Kubernetes source tree to OUT/kubernetes/1.34/.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pinrail.dev/tests/tools/internal/manifests"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "make-schemas:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: make-schemas OUT KIND=FOLDER...")
	}
	out := args[0]
	for _, arg := range args[1:] {
		kind, folder, _ := strings.Cut(arg, "=")
		var err error
		if version, ok := strings.CutPrefix(kind, "kubernetes-"); ok {
			err = writeOpenAPI(folder, filepath.Join(out, "kubernetes", version))
		} else {
			err = writeDefinitions(folder, filepath.Join(out, "crds"))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	return nil
}

// writeDefinitions leaves the descriptions out: they are most of the text, and nothing reads them.
func writeDefinitions(folder, out string) error {
	objects, err := manifests.Read([]string{folder})
	if err != nil {
		return err
	}
	found := 0
	for _, object := range objects {
		if object.GetKind() != "CustomResourceDefinition" {
			continue
		}
		found++
		spec := object.Object["spec"].(map[string]any)
		names := spec["names"].(map[string]any)
		text, err := json.Marshal(withoutDescriptions(object.Object))
		if err != nil {
			return err
		}
		file := filepath.Join(out, spec["group"].(string), names["kind"].(string)+".json")
		if err := write(file, text); err != nil {
			return err
		}
	}
	if found == 0 {
		return fmt.Errorf("no CustomResourceDefinition")
	}
	return nil
}

// withoutDescriptions drops `description: text`; a property of that name is an object and stays.
func withoutDescriptions(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if _, text := value["description"].(string); text {
			delete(value, "description")
		}
		for key, inner := range value {
			value[key] = withoutDescriptions(inner)
		}
	case []any:
		for i, inner := range value {
			value[i] = withoutDescriptions(inner)
		}
	}
	return value
}

func writeOpenAPI(kubernetes, out string) error {
	files, err := filepath.Glob(filepath.Join(kubernetes, "api/openapi-spec/v3/*__v*_openapi.json"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no OpenAPI documents")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var document map[string]any
		if err := json.Unmarshal(text, &document); err != nil {
			return err
		}
		components := map[string]any{"components": withoutDescriptions(document["components"])}
		if text, err = json.Marshal(components); err != nil {
			return err
		}
		if err := write(filepath.Join(out, filepath.Base(file)), text); err != nil {
			return err
		}
	}
	return nil
}

func write(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
