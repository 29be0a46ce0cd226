// Package pods finds the pods that objects make.
package pods

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/pod-security-admission/admission"

	"pinrail.dev/tests/tools/internal/manifests"
)

// Template gives metadata and spec of the pods that an object makes; nil if it makes none.
func Template(object manifests.Object) (*metav1.ObjectMeta, *corev1.PodSpec, error) {
	typed, err := Typed(object)
	if runtime.IsNotRegisteredError(err) {
		return nil, nil, nil // a custom resource
	} else if err != nil {
		return nil, nil, err
	}
	extractor := admission.DefaultPodSpecExtractor{}
	meta, spec, err := extractor.ExtractPodSpec(typed)
	if err != nil || spec == nil {
		return nil, nil, nil // the extractor knows every kind that makes pods
	}
	return meta, spec, nil
}

// strict refuses unknown fields.
var strict = serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

// Typed decodes the object into Kubernetes' type.
func Typed(object manifests.Object) (runtime.Object, error) {
	text, err := object.JSON()
	if err != nil {
		return nil, err
	}
	typed, _, err := strict.Decode(text, nil, nil)
	if err != nil && !runtime.IsNotRegisteredError(err) {
		return nil, fmt.Errorf("%s: %s: %w", object.File, object, err)
	}
	return typed, err
}
