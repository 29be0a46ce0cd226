package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	defaults "k8s.io/kubernetes/pkg/apis/networking/v1"

	"pinrail.dev/tests/tools/internal/manifests"
	"pinrail.dev/tests/tools/internal/pods"
)

// cluster is what the rendered objects say of namespaces, pods and policies.
type cluster struct {
	namespaces map[string]labels.Set
	workloads  map[string]workload // namespace/kind/name
	policies   []*networkingv1.NetworkPolicy
}

type workload struct {
	labels labels.Set
	ports  map[string]int32
}

// pod is an endpoint with everything looked up.
type pod struct {
	isPod     bool
	namespace string
	nsLabels  labels.Set
	labels    labels.Set
	ports     map[string]int32
	ip        netip.Addr
}

func newCluster(objects []manifests.Object) (*cluster, error) {
	c := &cluster{namespaces: map[string]labels.Set{}, workloads: map[string]workload{}}
	for _, object := range objects {
		namespace := object.GetNamespace()
		if namespace == "" {
			namespace = corev1.NamespaceDefault
		}
		switch object.GroupVersionKind().GroupKind().String() {
		case "Namespace":
			c.namespaces[object.GetName()] = object.GetLabels()
		case "NetworkPolicy.networking.k8s.io":
			typed, err := pods.Typed(object)
			if err != nil {
				return nil, err
			}
			policy := typed.(*networkingv1.NetworkPolicy)
			policy.Namespace = namespace
			defaults.SetObjectDefaults_NetworkPolicy(policy)
			c.policies = append(c.policies, policy)
		default:
			meta, spec, err := pods.Template(object)
			if err != nil {
				return nil, err
			}
			if spec != nil {
				c.workloads[namespace+"/"+object.String()] = workload{meta.Labels, portsOf(spec)}
			}
		}
	}
	return c, nil
}

func portsOf(spec *corev1.PodSpec) map[string]int32 {
	ports := map[string]int32{}
	for _, container := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, port := range container.Ports {
			if port.Name != "" {
				ports[port.Name] = port.ContainerPort
			}
		}
	}
	return ports
}

// find looks up what a question leaves out.
func (c *cluster) find(e endpoint) (pod, error) {
	p := pod{isPod: e.Namespace != "", namespace: e.Namespace, labels: e.Labels, ports: e.Ports}
	if e.IP != "" {
		var err error
		if p.ip, err = netip.ParseAddr(e.IP); err != nil {
			return p, err
		}
	}
	if !p.isPod {
		if e.IP == "" || e.Workload != "" || e.Labels != nil || e.NamespaceLabels != nil {
			return p, errors.New("an endpoint is a namespace with labels or a workload, or an ip")
		}
		return p, nil
	}
	if e.Workload != "" {
		found, ok := c.workloads[e.Namespace+"/"+e.Workload]
		if !ok {
			return p, fmt.Errorf("no %s in namespace %s", e.Workload, e.Namespace)
		}
		p.labels = labels.Merge(found.labels, e.Labels)
		p.ports = maps.Clone(found.ports)
		maps.Copy(p.ports, e.Ports)
	}
	// The API server puts this label on every Namespace.
	p.nsLabels = labels.Merge(labels.Merge(c.namespaces[e.Namespace], e.NamespaceLabels),
		labels.Set{corev1.LabelMetadataName: e.Namespace})
	return p, nil
}

// portName is a number or the name of a port of the pod that is called.
type portName intstr.IntOrString

func (p *portName) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, (*intstr.IntOrString)(p))
}

func (p portName) number(to pod) (int32, error) {
	number := p.IntVal
	if p.Type == intstr.String {
		number = to.ports[p.StrVal]
	}
	if number < 1 || number > 65535 {
		port := intstr.IntOrString(p)
		return 0, fmt.Errorf("no port %s", port.String())
	}
	return number, nil
}
