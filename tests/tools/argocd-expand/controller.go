package main

import (
	"errors"
	"fmt"
	"runtime"
	"sort"
	"strings"
	"sync"

	"github.com/argoproj/argo-cd/v3/applicationset/controllers/template"
	"github.com/argoproj/argo-cd/v3/applicationset/generators"
	"github.com/argoproj/argo-cd/v3/applicationset/utils"
	argocd "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/sirupsen/logrus"
	kube "k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// controller does what the ApplicationSet controller does with a set before it touches a cluster.
type controller struct {
	namespace  string
	client     client.Client
	repository *repository
	judge      judge
}

func newController(namespace string, projects []*argocd.AppProject, repo *repository, known *clusters) (*controller, error) {
	scheme := kube.NewScheme()
	if err := argocd.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c := &controller{namespace: namespace, repository: repo}
	c.judge = judge{projects: map[string]*argocd.AppProject{}, clusters: known}
	builder := fake.NewClientBuilder().WithScheme(scheme)
	for _, project := range projects {
		if project.Namespace == "" {
			project.Namespace = namespace
		}
		if project.Namespace == namespace {
			c.judge.projects[project.Name] = project
		}
		builder = builder.WithObjects(project)
	}
	c.client = builder.Build()
	return c, nil
}

func (c *controller) expandAll(sets []*argocd.ApplicationSet) (map[string]*expansion, error) {
	result := make(map[string]*expansion, len(sets))
	for _, set := range sets {
		apps, err := c.generate(set)
		if err != nil {
			result[set.Name] = failed(err)
			continue
		}
		if result[set.Name], err = c.judge.judge(set, apps); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// generate divides the pins between the cores, because Argo CD takes milliseconds for each. An
// error anywhere stops the whole set, as in the controller; going again undivided finds the one
// that Argo CD reports.
func (c *controller) generate(set *argocd.ApplicationSet) ([]argocd.Application, error) {
	for _, generator := range set.Spec.Generators {
		if generator.Git == nil {
			return nil, errors.New("only the git generator is supported here")
		}
	}
	parts := runtime.GOMAXPROCS(0)
	found := make([][]argocd.Application, parts)
	failures := make([]error, parts)
	var group sync.WaitGroup
	for i := range parts {
		group.Go(func() { found[i], failures[i] = c.generatePart(set, part{c.repository, i, parts}) })
	}
	group.Wait()
	if errors.Join(failures...) != nil {
		return c.generatePart(set, part{c.repository, 0, 1})
	}
	var apps []argocd.Application
	for _, some := range found {
		apps = append(apps, some...)
	}
	sort.SliceStable(apps, func(i, j int) bool { return strings.Compare(apps[i].Name, apps[j].Name) < 0 })
	return apps, nil
}

func (c *controller) generatePart(set *argocd.ApplicationSet, files part) ([]argocd.Application, error) {
	log := logrus.WithField("applicationset", set.Name)
	git := map[string]generators.Generator{"Git": generators.NewGitGenerator(files, c.namespace)}
	apps, reason, err := template.GenerateApplications(log, *set.DeepCopy(), git, &utils.Render{}, c.client)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", reason, err)
	}
	return apps, nil
}
