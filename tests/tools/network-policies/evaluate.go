package main

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// connection is a question with everything looked up.
type connection struct {
	from, to pod
	port     int32
	protocol corev1.Protocol
}

func (c *cluster) ask(q question) (answer, error) {
	result := answer{ID: q.ID}
	from, err := c.find(q.From)
	if err != nil {
		return result, err
	}
	to, err := c.find(q.To)
	if err != nil {
		return result, err
	}
	port, err := q.Port.number(to)
	if err != nil {
		return result, err
	}
	protocol := corev1.ProtocolTCP
	if q.Protocol != "" {
		protocol = corev1.Protocol(q.Protocol)
	}
	conn := connection{from, to, port, protocol}
	if result.Egress, err = c.side(networkingv1.PolicyTypeEgress, conn); err != nil {
		return result, err
	}
	if result.Ingress, err = c.side(networkingv1.PolicyTypeIngress, conn); err != nil {
		return result, err
	}
	result.Open = result.Egress.Open && result.Ingress.Open
	return result, nil
}

// side asks the policies of the pod that sends, or of the one that receives.
func (c *cluster) side(direction networkingv1.PolicyType, conn connection) (side, error) {
	result := side{Selects: []string{}, Allows: []string{}}
	own, peer := conn.from, conn.to
	if direction == networkingv1.PolicyTypeIngress {
		own, peer = conn.to, conn.from
	}
	for _, policy := range c.policies {
		if !own.isPod || policy.Namespace != own.namespace || !slices.Contains(policy.Spec.PolicyTypes, direction) {
			continue
		}
		selected, err := matches(&policy.Spec.PodSelector, own.labels)
		if err != nil {
			return result, err
		}
		if !selected {
			continue
		}
		result.Selects = append(result.Selects, policy.Name)
		for _, rule := range rules(policy, direction) {
			allowed, err := rule.allows(policy.Namespace, peer, conn)
			if err != nil {
				return result, err
			}
			if allowed {
				result.Allows = append(result.Allows, policy.Name)
				break
			}
		}
	}
	result.Open = len(result.Selects) == 0 || len(result.Allows) > 0
	return result, nil
}

// rule is an ingress or an egress rule.
type rule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

func rules(policy *networkingv1.NetworkPolicy, direction networkingv1.PolicyType) []rule {
	var found []rule
	if direction == networkingv1.PolicyTypeIngress {
		for _, r := range policy.Spec.Ingress {
			found = append(found, rule{r.From, r.Ports})
		}
		return found
	}
	for _, r := range policy.Spec.Egress {
		found = append(found, rule{r.To, r.Ports})
	}
	return found
}

// allows needs one peer and one port; an empty list stands for all.
func (r rule) allows(namespace string, peer pod, conn connection) (bool, error) {
	port := func(p networkingv1.NetworkPolicyPort) bool { return onPort(p, conn) }
	if len(r.ports) > 0 && !slices.ContainsFunc(r.ports, port) {
		return false, nil
	}
	for _, p := range r.peers {
		if is, err := isPeer(p, namespace, peer); is || err != nil {
			return is, err
		}
	}
	return len(r.peers) == 0, nil
}

func onPort(allowed networkingv1.NetworkPolicyPort, conn connection) bool {
	if allowed.Protocol != nil && *allowed.Protocol != conn.protocol {
		return false
	}
	switch {
	case allowed.Port == nil:
		return true
	case allowed.Port.Type == intstr.String:
		named, ok := conn.to.ports[allowed.Port.StrVal]
		return ok && named == conn.port
	case allowed.EndPort != nil:
		return allowed.Port.IntVal <= conn.port && conn.port <= *allowed.EndPort
	}
	return allowed.Port.IntVal == conn.port
}

// isPeer holds addresses against blocks, and pods against selectors; without a selector of
// namespaces only the policy's own one counts.
func isPeer(allowed networkingv1.NetworkPolicyPeer, namespace string, peer pod) (bool, error) {
	if allowed.IPBlock != nil {
		return inBlock(allowed.IPBlock, peer.ip)
	}
	if !peer.isPod {
		return false, nil
	}
	if allowed.NamespaceSelector == nil {
		if peer.namespace != namespace {
			return false, nil
		}
	} else if is, err := matches(allowed.NamespaceSelector, peer.nsLabels); !is || err != nil {
		return false, err
	}
	if allowed.PodSelector == nil {
		return true, nil
	}
	return matches(allowed.PodSelector, peer.labels)
}

func inBlock(block *networkingv1.IPBlock, ip netip.Addr) (bool, error) {
	inside := false
	for i, cidr := range append([]string{block.CIDR}, block.Except...) {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return false, err
		}
		if prefix.Contains(ip) {
			inside = i == 0
		}
	}
	return inside, nil
}

func matches(selector *metav1.LabelSelector, set labels.Set) (bool, error) {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(set), err
}
