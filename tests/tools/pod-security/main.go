// Command pod-security judges every pod that the objects make by a Pod Security level, with the
// code of Kubernetes' own admission.
package main

import (
	"errors"
	"fmt"
	"os"

	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"pinrail.dev/tests/tools/internal/manifests"
	"pinrail.dev/tests/tools/internal/pods"
)

func main() {
	report := &manifests.Report{Out: os.Stdout}
	judged, err := run(os.Args[1:], report)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pod-security:", err)
		os.Exit(2)
	}
	fmt.Fprintf(os.Stderr, "pod-security: %d pods, %d problems\n", judged, report.Problems)
	if report.Problems > 0 {
		os.Exit(1)
	}
}

// run says how many pods it judged, so that a caller sees when there are none.
func run(args []string, report *manifests.Report) (int, error) {
	if len(args) < 2 {
		return 0, errors.New("usage: pod-security LEVEL FILE_OR_FOLDER...")
	}
	level, err := api.ParseLevel(args[0])
	if err != nil {
		return 0, err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return 0, err
	}
	objects, err := manifests.Read(args[1:])
	if err != nil {
		return 0, err
	}
	judged := 0
	for _, object := range objects {
		meta, spec, err := pods.Template(object)
		if err != nil {
			return judged, err
		}
		if spec == nil {
			continue
		}
		judged++
		for _, result := range evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, meta, spec) {
			if !result.Allowed {
				report.Line(object, result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
	}
	return judged, nil
}
