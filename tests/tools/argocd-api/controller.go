package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	argocd "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var commit = regexp.MustCompile("^[0-9a-f]{40}$")

// cluster is what the controller finds there after a sync.
type cluster struct {
	Objects []map[string]any `json:"objects"`
	Images  []string         `json:"images"`
}

// synced does what the application controller has done when a sync has ended: the status speaks of
// the sources as they are, and of the objects' health by Argo CD's own judgement.
func (s *server) synced(r *http.Request, body []byte) (any, error) {
	app, err := s.named(r)
	if err != nil {
		return nil, err
	}
	var found cluster
	if err := strict(body, &found); err != nil {
		return nil, err
	}
	sources := app.Spec.GetSources()
	var revisions []string
	for _, source := range sources {
		revision := source.TargetRevision
		if !commit.MatchString(revision) { // a version of a chart in a registry
			revision = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(revision)))
		}
		revisions = append(revisions, revision)
	}
	now := metav1.Now()
	// As newSyncOperationResult of controller/sync.go.
	result := &argocd.SyncOperationResult{Source: app.Spec.GetSource(), Sources: app.Spec.Sources}
	sync := argocd.SyncStatus{Status: argocd.SyncStatusCodeSynced, ComparedTo: app.Spec.BuildComparedToStatus(sources)}
	if app.Spec.HasMultipleSources() {
		sync.Revisions, result.Revisions = revisions, revisions
	} else {
		sync.Revision, result.Revision = revisions[0], revisions[0]
	}
	app.Status.Sync = sync
	app.Status.OperationState = &argocd.OperationState{
		Operation:  argocd.Operation{Sync: &argocd.SyncOperation{}},
		Phase:      common.OperationSucceeded,
		Message:    "successfully synced (all tasks run)",
		SyncResult: result,
		StartedAt:  now,
		FinishedAt: &now,
	}
	app.Status.Conditions, app.Operation, app.Status.ReconciledAt = nil, nil, &now
	if app.Status.Health, err = healthOf(found.Objects); err != nil {
		return nil, err
	}
	slices.Sort(found.Images)
	app.Status.Summary.Images = found.Images
	return app, nil
}

// healthOf is setApplicationHealth of controller/health.go for objects that are all there.
func healthOf(objects []map[string]any) (argocd.AppHealthStatus, error) {
	worst := argocd.AppHealthStatus{Status: health.HealthStatusHealthy}
	for _, object := range objects {
		found, err := health.GetResourceHealth(&unstructured.Unstructured{Object: object}, nil)
		if err != nil {
			return worst, err
		}
		if found != nil && health.IsWorse(worst.Status, found.Status) {
			worst.Status = found.Status
		}
	}
	return worst, nil
}
