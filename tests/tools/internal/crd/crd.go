// Package crd judges custom resources as an API server does that holds their definitions.
package crd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	definition "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	schemavalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// ErrUnknown says that no definition of the kind is at hand.
var ErrUnknown = errors.New("no definition of this kind")

// Definitions are the definitions of a folder, read when they are asked for.
type Definitions struct {
	dir   string
	kinds map[schema.GroupVersionKind]*kind
}

// kind is one served version of a definition.
type kind struct {
	namespaced bool
	schema     *structural.Structural
	validator  schemavalidation.SchemaValidator
	rules      *cel.Validator
}

// Open opens a folder with one file `GROUP/KIND.json` for each definition.
func Open(dir string) *Definitions {
	return &Definitions{dir, map[schema.GroupVersionKind]*kind{}}
}

// Validate gives what the API server says to the creation of the object with fieldValidation=Strict.
// It fills in defaults.
func (d *Definitions) Validate(object *unstructured.Unstructured) (field.ErrorList, error) {
	k, err := d.kind(object.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	return k.validate(object), nil
}

func (d *Definitions) kind(gvk schema.GroupVersionKind) (*kind, error) {
	if known := d.kinds[gvk]; known != nil {
		return known, nil
	}
	text, err := os.ReadFile(filepath.Join(d.dir, gvk.Group, gvk.Kind+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrUnknown
	} else if err != nil {
		return nil, err
	}
	var crd definition.CustomResourceDefinition
	if err := json.Unmarshal(text, &crd); err != nil {
		return nil, err
	}
	if err := d.define(&crd); err != nil {
		return nil, err
	}
	if known := d.kinds[gvk]; known != nil {
		return known, nil
	}
	return nil, fmt.Errorf("%w: version %s of %s is not served", ErrUnknown, gvk.Version, gvk.GroupKind())
}

func (d *Definitions) define(crd *definition.CustomResourceDefinition) error {
	for _, version := range crd.Spec.Versions {
		if !version.Served {
			continue
		}
		gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
		k, err := newKind(version.Schema, crd.Spec.Scope == definition.NamespaceScoped)
		if err != nil {
			return fmt.Errorf("the definition of %s: %w", gvk, err)
		}
		d.kinds[gvk] = k
	}
	return nil
}

func newKind(v1 *definition.CustomResourceValidation, namespaced bool) (*kind, error) {
	internal := &apiextensions.CustomResourceValidation{}
	if err := definition.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(v1, internal, nil); err != nil {
		return nil, err
	}
	s, err := structural.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	validator, _, err := schemavalidation.NewSchemaValidator(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &kind{namespaced, s, validator, cel.NewValidator(s, true, celconfig.PerCallLimit)}, nil
}

// validate goes the way of the API server: defaults, unknown fields, metadata, schema, lists, rules.
func (k *kind) validate(object *unstructured.Unstructured) field.ErrorList {
	if k.namespaced && object.GetNamespace() == "" {
		object.SetNamespace("default")
	}
	content := object.Object
	defaulting.Default(content, k.schema)
	problems := k.unknownFields(content)
	defaulting.PruneNonNullableNullsWithoutDefaults(content, k.schema)

	problems = append(problems, validation.ValidateObjectMetaAccessor(object, k.namespaced, validation.NameIsDNSSubdomain, field.NewPath("metadata"))...)
	problems = append(problems, schemavalidation.ValidateCustomResource(nil, content, k.validator)...)
	problems = append(problems, objectmeta.Validate(nil, content, k.schema, false)...)
	problems = append(problems, listtype.ValidateListSetsAndMaps(nil, k.schema, content)...)
	if k.rules != nil && len(problems) == 0 {
		broken, _ := k.rules.Validate(context.Background(), nil, k.schema, content, nil, celconfig.RuntimeCELCostBudget)
		problems = append(problems, broken...)
	}
	return problems
}

// unknownFields also drops them, so that the schema does not complain a second time.
func (k *kind) unknownFields(content map[string]any) field.ErrorList {
	var problems field.ErrorList
	_, _, unknown, err := objectmeta.GetObjectMetaWithOptions(content, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		problems = append(problems, field.Invalid(field.NewPath("metadata"), "", err.Error()))
	}
	tracked := structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	unknown = append(unknown, pruning.PruneWithOptions(content, k.schema, true, tracked)...)
	embedded, more := objectmeta.CoerceWithOptions(nil, content, k.schema, false, objectmeta.CoerceOptions{ReturnUnknownFieldPaths: true})
	if embedded != nil {
		problems = append(problems, embedded)
	}
	for _, path := range append(unknown, more...) {
		problems = append(problems, field.Forbidden(field.NewPath(path), "unknown field"))
	}
	return problems
}
