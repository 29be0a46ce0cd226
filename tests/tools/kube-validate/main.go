// Command kube-validate judges Kubernetes objects as API servers do on creation, strictly.
//
// A built-in kind is held against the OpenAPI documents of each Kubernetes version, and then goes
// through the code of the API server itself. A custom resource is judged by its definition. A kind
// that nobody can judge is a problem.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pinrail.dev/tests/tools/internal/crd"
	"pinrail.dev/tests/tools/internal/manifests"
)

func main() {
	report := &manifests.Report{Out: os.Stdout}
	if err := run(os.Args[1:], report); err != nil {
		fmt.Fprintln(os.Stderr, "kube-validate:", err)
		os.Exit(2)
	}
	if report.Problems > 0 {
		os.Exit(1)
	}
}

func run(args []string, report *manifests.Report) error {
	schemas, err := crd.Beside()
	if err != nil {
		return err
	}
	flags := flag.NewFlagSet("kube-validate", flag.ExitOnError)
	var own manifests.List
	flags.Var(&own, "crd", "`FILE` or folder with definitions of custom resources, Crossplane's too; repeatable")
	kubernetes := flags.String("kubernetes", "", "`VERSIONS` like 1.34,1.37; default: all that are there")
	_ = flags.Parse(args)
	if flags.NArg() == 0 {
		return errors.New("usage: kube-validate [--kubernetes VERSIONS] [--crd FILE]... FILE_OR_FOLDER...")
	}
	versions, err := openVersions(filepath.Join(schemas, "kubernetes"), *kubernetes)
	if err != nil {
		return err
	}
	definitions := crd.Open(filepath.Join(schemas, "crds"))
	for _, path := range own {
		if err := definitions.Add(path); err != nil {
			return err
		}
	}
	objects, err := manifests.Read(flags.Args())
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := judge(object, versions, definitions, report); err != nil {
			return fmt.Errorf("%s: %s: %w", object.File, object, err)
		}
	}
	return nil
}

func judge(object manifests.Object, versions []*version, definitions *crd.Definitions, report *manifests.Report) error {
	if !builtIn(object.GroupVersionKind().Group) {
		problems, err := definitions.Validate(object.Unstructured)
		if errors.Is(err, crd.ErrUnknown) {
			report.Line(object, "kind", err.Error())
			return nil
		}
		report.Fields(object, problems)
		return err
	}
	// A problem that several versions see is one problem.
	before, seen := report.Problems, map[string][]string{}
	var order []problem
	for _, version := range versions {
		problems, err := version.validate(object)
		if err != nil {
			return err
		}
		for _, p := range problems {
			if key := p.at + p.message; seen[key] == nil {
				order = append(order, p)
			}
			seen[p.at+p.message] = append(seen[p.at+p.message], version.name)
		}
	}
	for _, p := range order {
		report.Line(object, p.at, fmt.Sprintf("%s (Kubernetes %s)", p.message, strings.Join(seen[p.at+p.message], ", ")))
	}
	if report.Problems > before {
		return nil
	}
	problems, err := create(object)
	for _, p := range problems {
		report.Line(object, p.at, p.message)
	}
	return err
}

// problem is what is wrong and in which field.
type problem struct{ at, message string }
