package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apiclient/application"
	argocd "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/rbac"
	"github.com/argoproj/argo-cd/v3/util/security"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The namespace of Argo CD itself.
const namespace = "argocd"

// server is the part of Argo CD's API server that is asked; every other call would panic.
type server struct {
	application.ApplicationServiceClient
	enforcer *rbac.Enforcer

	lock   sync.Mutex
	apps   map[string]*argocd.Application
	tokens map[string]string // the account of each token
	faults []fault
	log    []entry
	stuck  bool // whether the application controller stands still
}

func newServer() (*server, error) {
	s := &server{apps: map[string]*argocd.Application{}, tokens: map[string]string{}, log: []entry{}}
	s.enforcer = rbac.NewEnforcer(nil, namespace, common.ArgoCDRBACConfigMapName, nil)
	return s, s.enforcer.SetUserPolicy("")
}

// Get is Get, getAppEnforceRBAC and Authenticate of server/application/application.go and
// server/server.go, without a cluster.
func (s *server) Get(ctx context.Context, q *application.ApplicationQuery, _ ...grpc.CallOption) (*argocd.Application, error) {
	account, err := s.account(ctx)
	if err != nil {
		return nil, err
	}
	if len(q.Project) > 1 {
		return nil, status.Errorf(codes.InvalidArgument, "multiple projects specified - the get endpoint accepts either zero or one project")
	}
	project := strings.Join(q.Project, "")
	app, err := s.permitted(account, project, q.GetAppNamespace(), q.GetName())
	if err != nil || q.Refresh == nil {
		return app, err
	}
	return s.refresh(ctx, app)
}

func (s *server) account(ctx context.Context) (string, error) {
	md, _ := metadata.FromOutgoingContext(ctx)
	header := strings.Join(md.Get("authorization"), "")
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || token == "" {
		return "", status.Errorf(codes.Unauthenticated, "no session information")
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if account, ok := s.tokens[token]; ok {
		return account, nil
	}
	return "", status.Errorf(codes.Unauthenticated, "invalid session: token signature is invalid")
}

func (s *server) permitted(account, project, appNamespace, name string) (*argocd.Application, error) {
	if appNamespace == "" {
		appNamespace = namespace
	}
	may := func(object string) bool {
		return s.enforcer.Enforce(account, rbac.ResourceApplications, rbac.ActionGet, object)
	}
	if project != "" && !may(security.RBACName(namespace, project, appNamespace, name)) {
		return nil, common.PermissionDeniedAPIError
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	app, ok := s.apps[appNamespace+"/"+name]
	// What is not there is hidden from those who do not say where it should be.
	if !ok || !may(app.RBACName(namespace)) || project != "" && app.Spec.GetProject() != project {
		if project == "" {
			return nil, common.PermissionDeniedAPIError
		}
		missing := apierrors.NewNotFound(schema.GroupResource{Group: "argoproj.io", Resource: "applications"}, name)
		return nil, status.Error(codes.NotFound, missing.Error())
	}
	return app.DeepCopy(), nil
}

// refresh waits for the controller, which looks again and finds what the test has described.
func (s *server) refresh(ctx context.Context, app *argocd.Application) (*argocd.Application, error) {
	s.lock.Lock()
	stuck := s.stuck
	s.lock.Unlock()
	if stuck {
		<-ctx.Done()
		return nil, errors.New("application refresh deadline exceeded")
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	current, ok := s.apps[app.Namespace+"/"+app.Name]
	if !ok {
		return nil, fmt.Errorf("error refreshing the app: %s is gone", app.Name)
	}
	if current.Status.ReconciledAt != nil {
		now := metav1.Now()
		current.Status.ReconciledAt = &now
	}
	return current.DeepCopy(), nil
}
