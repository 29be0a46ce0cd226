package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	argocd "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"

	"pinrail.dev/tests/tools/internal/manifests"
)

// input is what the manifests hold of Argo CD.
type input struct {
	projects []*argocd.AppProject
	sets     []*argocd.ApplicationSet
}

// decode takes AppProjects and ApplicationSets; other objects are none of our business.
func decode(objects []manifests.Object) (input, error) {
	var in input
	names := map[string]string{}
	for _, object := range objects {
		if object.GroupVersionKind().Group != "argoproj.io" {
			continue
		}
		var err error
		switch object.GetKind() {
		case "AppProject":
			project := &argocd.AppProject{}
			err = strict(object, project)
			in.projects = append(in.projects, project)
		case "ApplicationSet":
			set := &argocd.ApplicationSet{}
			err = strict(object, set)
			in.sets = append(in.sets, set)
		default:
			continue
		}
		if err != nil {
			return in, fmt.Errorf("%s: %s: %w", object.File, object, err)
		}
		if other, taken := names[object.String()]; taken {
			return in, fmt.Errorf("%s: %s is also in %s", object.File, object, other)
		}
		names[object.String()] = object.File
	}
	return in, nil
}

// strict refuses a field that Argo CD's type does not have.
func strict(object manifests.Object, into any) error {
	text, err := object.JSON()
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
