package main

import (
	"context"
	"strings"

	argocd "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/db"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// clusters is the part of Argo CD's database that judging a destination asks for.
//
// A cluster without a server is matched by its name alone, as AppProject does when the server is
// empty. Without any cluster given, every name and server is known.
type clusters struct {
	db.ArgoDB
	servers map[string]string
}

// byName stands for the server of a cluster that has a name only. No URL begins like it.
const byName = "name:"

func newClusters(args []string) *clusters {
	c := &clusters{servers: map[string]string{}}
	for _, arg := range args {
		name, server, _ := strings.Cut(arg, "=")
		c.servers[name] = strings.TrimRight(server, "/")
	}
	return c
}

// GetClusterServersByName gives the servers that bear the name.
func (c *clusters) GetClusterServersByName(_ context.Context, name string) ([]string, error) {
	server, known := c.servers[name]
	switch {
	case known && server != "":
		return []string{server}, nil
	case known, len(c.servers) == 0 && name != argocd.KubernetesInClusterName:
		return []string{byName + name}, nil
	case name == argocd.KubernetesInClusterName:
		return []string{argocd.KubernetesInternalAPIServerAddr}, nil
	}
	return nil, nil
}

// GetCluster gives the cluster of a server.
func (c *clusters) GetCluster(_ context.Context, server string) (*argocd.Cluster, error) {
	if name, ok := strings.CutPrefix(server, byName); ok {
		return &argocd.Cluster{Name: name}, nil
	}
	for name, known := range c.servers {
		if known == server {
			return &argocd.Cluster{Name: name, Server: server}, nil
		}
	}
	if server == argocd.KubernetesInternalAPIServerAddr {
		return &argocd.Cluster{Name: argocd.KubernetesInClusterName, Server: server}, nil
	}
	if len(c.servers) == 0 {
		return &argocd.Cluster{Server: server}, nil
	}
	return nil, status.Errorf(codes.NotFound, "cluster %q not found", server)
}

// GetProjectClusters says that no cluster belongs to a project.
func (c *clusters) GetProjectClusters(context.Context, string) ([]*argocd.Cluster, error) {
	return nil, nil
}
