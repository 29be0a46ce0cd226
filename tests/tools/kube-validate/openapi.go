package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"
	openapierrors "k8s.io/kube-openapi/pkg/validation/errors"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"pinrail.dev/tests/tools/internal/manifests"
)

// version holds the OpenAPI documents of one Kubernetes version, read when they are asked for.
type version struct {
	name   string
	dir    string
	groups map[schema.GroupVersion]*group
}

// group is the document of one API group and version.
type group struct {
	schemas map[string]*spec.Schema
	kinds   map[string]string // kind to name of schema
	types   managedfields.TypeConverter
	full    map[string]*spec.Schema // kind to schema without references
}

func openVersions(dir, wanted string) ([]*version, error) {
	folders, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	if wanted != "" {
		folders = nil
		for _, name := range strings.Split(wanted, ",") {
			folders = append(folders, filepath.Join(dir, name))
		}
	}
	var versions []*version
	for _, folder := range folders {
		if _, err := os.Stat(folder); err != nil {
			return nil, fmt.Errorf("Kubernetes %s: %w", filepath.Base(folder), err)
		}
		versions = append(versions, &version{filepath.Base(folder), folder, map[schema.GroupVersion]*group{}})
	}
	return versions, nil
}

// validate finds unknown fields and wrong types as server-side apply does, then what is missing.
func (v *version) validate(object manifests.Object) ([]problem, error) {
	gvk := object.GroupVersionKind()
	g, err := v.group(gvk.GroupVersion())
	if os.IsNotExist(err) || err == nil && g.kinds[gvk.Kind] == "" {
		return []problem{{"apiVersion", fmt.Sprintf("no kind %s in %s", gvk.Kind, gvk.GroupVersion())}}, nil
	} else if err != nil {
		return nil, err
	}
	// Kubernetes ignores nulls; the schemas do not.
	content := object.DeepCopy()
	withoutNulls(content.Object)
	if _, err := g.types.ObjectToTyped(content); err != nil {
		return typeProblems(err), nil
	}
	full, err := g.withoutReferences(gvk.Kind)
	if err != nil {
		return nil, err
	}
	return missing(validate.NewSchemaValidator(full, nil, "", strfmt.Default).Validate(content.Object)), nil
}

func (v *version) group(gv schema.GroupVersion) (*group, error) {
	if known := v.groups[gv]; known != nil {
		return known, nil
	}
	name := "apis__" + gv.Group + "__" + gv.Version
	if gv.Group == "" {
		name = "api__" + gv.Version
	}
	text, err := os.ReadFile(filepath.Join(v.dir, name+"_openapi.json"))
	if err != nil {
		return nil, err
	}
	var document struct {
		Components struct{ Schemas map[string]*spec.Schema }
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	g := &group{document.Components.Schemas, map[string]string{}, nil, map[string]*spec.Schema{}}
	for name, s := range g.schemas {
		var kinds []schema.GroupVersionKind
		if err := s.Extensions.GetObject("x-kubernetes-group-version-kind", &kinds); err != nil {
			return nil, err
		}
		for _, gvk := range kinds {
			if gvk.GroupVersion() == gv {
				g.kinds[gvk.Kind] = name
			}
		}
	}
	if g.types, err = managedfields.NewTypeConverter(g.schemas, false); err != nil {
		return nil, err
	}
	// The validator takes a format that it knows by name for a format of strings.
	for _, s := range g.schemas {
		if s.Format == "int-or-string" {
			s.Format = ""
		}
	}
	v.groups[gv] = g
	return g, nil
}

func (g *group) withoutReferences(kind string) (*spec.Schema, error) {
	if g.full[kind] == nil {
		full, err := resolver.PopulateRefs(func(ref string) (*spec.Schema, bool) {
			s, ok := g.schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
			return s, ok
		}, g.kinds[kind])
		if err != nil {
			return nil, err
		}
		g.full[kind] = full
	}
	return g.full[kind], nil
}

// inTyped is how the library words an error: `errors: \n .spec.x: field not declared in schema`.
var inTyped = regexp.MustCompile(`^\s*\.(\S+): (.*)$`)

func typeProblems(err error) []problem {
	var problems []problem
	if list, ok := err.(typed.ValidationErrors); ok {
		for _, one := range list {
			problems = append(problems, problem{strings.TrimPrefix(one.Path, "."), one.ErrorMessage})
		}
		return problems
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		if parts := inTyped.FindStringSubmatch(line); parts != nil {
			problems = append(problems, problem{parts[1], parts[2]})
		}
	}
	if problems == nil {
		problems = []problem{{"", err.Error()}}
	}
	return problems
}

func missing(result *validate.Result) []problem {
	var problems []problem
	for _, err := range result.Errors {
		at := ""
		if named, ok := err.(*openapierrors.Validation); ok {
			at = strings.TrimPrefix(named.Name, ".")
		}
		problems = append(problems, problem{at, strings.ReplaceAll(err.Error(), " in body", "")})
	}
	return problems
}

func withoutNulls(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if inner == nil {
				delete(value, key)
			}
			withoutNulls(inner)
		}
	case []any:
		for _, inner := range value {
			withoutNulls(inner)
		}
	}
}
