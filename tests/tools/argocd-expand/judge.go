package main

import (
	"context"
	"encoding/json"
	"fmt"

	argocd "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/argo"
)

// expansion is the outcome of one set.
type expansion struct {
	Applications []json.RawMessage   `json:"applications"`
	Refused      map[string]string   `json:"refused"`
	Conditions   map[string][]string `json:"conditions"`
	Error        *string             `json:"error"`
}

func newExpansion() *expansion {
	return &expansion{[]json.RawMessage{}, map[string]string{}, map[string][]string{}, nil}
}

func failed(err error) *expansion {
	result, text := newExpansion(), err.Error()
	result.Error = &text
	return result
}

// judge says of Applications what the two controllers say without a cluster.
type judge struct {
	projects map[string]*argocd.AppProject
	clusters *clusters
}

func (j judge) judge(set *argocd.ApplicationSet, apps []argocd.Application) (*expansion, error) {
	result := newExpansion()
	seen := map[string]bool{}
	for i := range apps {
		app := &apps[i]
		if refusal := j.refusal(set, app, seen); refusal != "" {
			result.Refused[app.Name] = refusal
		}
		if conditions := j.conditions(app); len(conditions) > 0 {
			result.Conditions[app.Name] = conditions
		}
		object, err := plain(app)
		if err != nil {
			return nil, err
		}
		result.Applications = append(result.Applications, object)
	}
	return result, nil
}

// refusal is validateGeneratedApplications of the ApplicationSet controller, which is private there.
// The controller drops the Applications of a refused name, every one of a name that comes twice.
func (j judge) refusal(set *argocd.ApplicationSet, app *argocd.Application, seen map[string]bool) string {
	if seen[app.Name] {
		return fmt.Sprintf("ApplicationSet %s contains applications with duplicate name: %s", set.Name, app.Name)
	}
	seen[app.Name] = true
	if j.projects[app.Spec.Project] == nil {
		return fmt.Sprintf("application references project %s which does not exist", app.Spec.Project)
	}
	if _, err := argo.GetDestinationCluster(context.Background(), app.Spec.Destination, j.clusters); err != nil {
		return "application destination spec is invalid: " + err.Error()
	}
	return ""
}

// conditions is refreshAppConditions of the application controller: does the project permit this?
func (j judge) conditions(app *argocd.Application) []string {
	project := j.projects[app.Spec.Project]
	if project == nil {
		return []string{fmt.Sprintf("%s: Application referencing project %s which does not exist", argocd.ApplicationConditionInvalidSpecError, app.Spec.Project)}
	}
	conditions, err := argo.ValidatePermissions(context.Background(), &app.Spec, project, j.clusters)
	if err != nil {
		return []string{fmt.Sprintf("%s: %s", argocd.ApplicationConditionUnknownError, err)}
	}
	var lines []string
	for _, condition := range append(conditions, argo.ValidateManagedByURL(app)...) {
		lines = append(lines, fmt.Sprintf("%s: %s", condition.Type, condition.Message))
	}
	return lines
}

// plain is the Application as it is written to the cluster, without the status, which no template
// can set.
func plain(app *argocd.Application) (json.RawMessage, error) {
	app.APIVersion, app.Kind = argocd.ApplicationSchemaGroupVersionKind.ToAPIVersionAndKind()
	text, err := json.Marshal(app)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	delete(fields, "status")
	return json.Marshal(fields)
}
