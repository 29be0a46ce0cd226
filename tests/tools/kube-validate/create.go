package main

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"pinrail.dev/tests/tools/internal/manifests"
)

// strict decodes into the internal types, with defaults.
var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()

// builtIn says whether the API group is Kubernetes' own.
func builtIn(group string) bool {
	return legacyscheme.Scheme.IsGroupRegistered(group)
}

// create goes the way of a new object in the API server, up to the moment of storing it. A warning
// is a problem as well.
func create(object manifests.Object) ([]problem, error) {
	gvk := object.GroupVersionKind()
	strategy, known := strategies[gvk.GroupKind()]
	if !known {
		return []problem{{"kind", "no validation for this kind"}}, nil
	}
	text, err := object.JSON()
	if err != nil {
		return nil, err
	}
	internal, _, err := strict.Decode(text, nil, nil)
	if err != nil {
		return decodingProblems(err), nil
	}
	accessor, err := meta.Accessor(internal)
	if err != nil {
		return nil, err
	}
	switch namespaced := accessor.GetNamespace() != ""; {
	case strategy.NamespaceScoped() && !namespaced:
		accessor.SetNamespace("default")
	case !strategy.NamespaceScoped() && namespaced: // the API server would drop it in silence
		return []problem{{"metadata.namespace", "this kind is in no namespace"}}, nil
	}
	var warned warnings
	ctx := warning.WithWarningRecorder(requestContext(gvk, strategy, accessor.GetNamespace()), &warned)
	rest.FillObjectMetaSystemFields(accessor)
	err = rest.BeforeCreate(strategy, ctx, internal)
	return append(statusProblems(err), warned...), nil
}

func requestContext(gvk schema.GroupVersionKind, strategy rest.RESTCreateStrategy, namespace string) context.Context {
	ctx := request.WithRequestInfo(context.Background(), &request.RequestInfo{
		IsResourceRequest: true, Verb: "create", APIGroup: gvk.Group, APIVersion: gvk.Version, Namespace: namespace,
	})
	if !strategy.NamespaceScoped() {
		namespace = ""
	}
	return request.WithNamespace(ctx, namespace)
}

func decodingProblems(err error) []problem {
	if all, ok := runtime.AsStrictDecodingError(err); ok {
		var problems []problem
		for _, one := range all.Errors() {
			problems = append(problems, problem{"", one.Error()})
		}
		return problems
	}
	return []problem{{"", err.Error()}}
}

func statusProblems(err error) []problem {
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil && len(status.Status().Details.Causes) > 0 {
		var problems []problem
		for _, cause := range status.Status().Details.Causes {
			problems = append(problems, problem{cause.Field, cause.Message})
		}
		return problems
	}
	return []problem{{"", err.Error()}}
}

// warnings are what the API server would answer in Warning headers.
type warnings []problem

func (w *warnings) AddWarning(_, text string) {
	*w = append(*w, problem{"", fmt.Sprintf("warning: %s", text)})
}
