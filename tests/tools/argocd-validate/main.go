// Command argocd-validate judges Argo CD's objects: strictly by the schemas of the pinned Argo CD,
// and projects also by Argo CD's own rules. Any other object is a problem too.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	argocd "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"google.golang.org/grpc/status"

	"pinrail.dev/tests/tools/internal/crd"
	"pinrail.dev/tests/tools/internal/manifests"
)

func main() {
	report := &manifests.Report{Out: os.Stdout}
	if err := run(os.Args[1:], report); err != nil {
		fmt.Fprintln(os.Stderr, "argocd-validate:", err)
		os.Exit(2)
	}
	if report.Problems > 0 {
		os.Exit(1)
	}
}

func run(files []string, report *manifests.Report) error {
	if len(files) == 0 {
		return errors.New("usage: argocd-validate FILE_OR_FOLDER...")
	}
	objects, err := manifests.Read(files)
	if err != nil {
		return err
	}
	schemas, err := crd.Beside()
	if err != nil {
		return err
	}
	definitions := crd.Open(filepath.Join(schemas, "crds"))
	for _, object := range objects {
		if object.GroupVersionKind().Group != "argoproj.io" {
			report.Line(object, "apiVersion", "not an object of Argo CD")
			continue
		}
		if err := project(object); err != nil {
			report.Line(object, "spec", err.Error())
		}
		problems, err := definitions.Validate(object.Unstructured)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", object.File, object, err)
		}
		report.Fields(object, problems)
	}
	return nil
}

// project is what Argo CD says of an AppProject beyond its schema.
func project(object manifests.Object) error {
	if object.GetKind() != "AppProject" {
		return nil
	}
	text, err := object.JSON()
	if err != nil {
		return err
	}
	var typed argocd.AppProject
	if err := json.Unmarshal(text, &typed); err != nil {
		return nil // the schema says it better
	}
	if err := typed.ValidateProject(); err != nil {
		return errors.New(status.Convert(err).Message())
	}
	return nil
}
