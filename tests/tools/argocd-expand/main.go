// Command argocd-expand expands ApplicationSets with Argo CD's own code, without a cluster.
//
// It prints one JSON document: for each set its Applications, what the ApplicationSet controller
// refuses, the conditions that the application controller sets, and the error that stops the set.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"

	"pinrail.dev/tests/tools/internal/manifests"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "argocd-expand:", err)
		os.Exit(2)
	}
}

func run(args []string, out io.Writer) error {
	// Argo CD logs each command that it runs and each pin that fails; the result says it all.
	_ = os.Setenv("ARGOCD_LOG_LEVEL", "panic")
	logrus.SetOutput(io.Discard)
	// Argo CD copies its table of functions for each field of each Application.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(1 << 30)
	klog.SetLogger(klog.Logger{})

	var files, branchArgs, clusterArgs manifests.List
	flags := flag.NewFlagSet("argocd-expand", flag.ExitOnError)
	flags.Var(&files, "manifests", "`FILE` or folder with AppProjects and ApplicationSets; repeatable")
	flags.Var(&branchArgs, "branch", "`NAME=DIR`: the files of a branch of the repository; repeatable")
	flags.Var(&clusterArgs, "cluster", "`NAME[=SERVER]`: a cluster that Argo CD knows; repeatable; without it every name is known")
	repository := flags.String("repository", "", "`URL` of the repository; another one in a generator is an error; default: any")
	namespace := flags.String("namespace", "argocd", "`NAMESPACE` of Argo CD")
	globbing := flags.Bool("new-git-file-globbing", false, "as the controller's flag of this name")
	_ = flags.Parse(args)
	if flags.NArg() > 0 || len(files) == 0 {
		return fmt.Errorf("usage: argocd-expand --manifests FILE... --branch NAME=DIR...")
	}

	objects, err := manifests.Read(files)
	if err != nil {
		return err
	}
	input, err := decode(objects)
	if err != nil {
		return err
	}
	repo, err := newRepository(*repository, branchArgs, *globbing)
	if err != nil {
		return err
	}
	controller, err := newController(*namespace, input.projects, repo, newClusters(clusterArgs))
	if err != nil {
		return err
	}
	sets, err := controller.expandAll(input.sets)
	repo.Close() // also when nobody reads the answer
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(map[string]any{"sets": sets})
}
