package main

import (
	"encoding/json"
	"strings"
	"testing"

	"pinrail.dev/tests/tools/internal/manifests"
)

const world = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {tenant: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: bank, labels: {tenant: bank}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
`

const head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"

// ask puts policies (their specs) into the world and asks one question.
func ask(t *testing.T, text string, specs ...string) answer {
	t.Helper()
	documents := world
	for _, spec := range specs {
		documents += "---\n" + head + "spec: " + spec + "\n"
	}
	objects, err := manifests.Parse("test", strings.NewReader(documents))
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCluster(objects)
	if err != nil {
		t.Fatal(err)
	}
	var q question
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		t.Fatal(err)
	}
	a, err := c.ask(q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

const (
	webToDB   = `{"from": {"namespace": "shop", "workload": "Deployment/web"}, "to": {"namespace": "shop", "labels": {"app": "db"}}, "port": 5432}`
	bankToWeb = `{"from": {"namespace": "bank", "labels": {"app": "x"}}, "to": {"namespace": "shop", "workload": "Deployment/web"}, "port": "http"}`
	webToAPI  = `{"from": {"namespace": "shop", "workload": "Deployment/web"}, "to": {"ip": "10.0.0.1"}, "port": 443}`
	webToDNS  = `{"from": {"namespace": "shop", "workload": "Deployment/web"}, "to": {"namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}, "port": 53, "protocol": "UDP"}`
)

func TestConnections(t *testing.T) {
	const denyAll = `{podSelector: {}, policyTypes: [Ingress, Egress]}`
	for name, test := range map[string]struct {
		question string
		policies []string
		open     bool
	}{
		"without policies all is open":             {bankToWeb, nil, true},
		"an empty policy closes both ways":         {webToDB, []string{denyAll}, false},
		"a policy of another pod does not":         {webToDB, []string{`{podSelector: {matchLabels: {app: cron}}, policyTypes: [Ingress, Egress]}`}, true},
		"without types it closes ingress":          {bankToWeb, []string{`{podSelector: {}}`}, false},
		"without types and rules not egress":       {webToAPI, []string{`{podSelector: {}}`}, true},
		"with egress rules it closes egress":       {webToAPI, []string{`{podSelector: {}, egress: [{ports: [{port: 53}]}]}`}, false},
		"both sides must allow":                    {webToDB, []string{denyAll, `{podSelector: {}, policyTypes: [Egress], egress: [{}]}`}, false},
		"policies add up":                          {webToDB, []string{denyAll, `{podSelector: {}, egress: [{}], ingress: [{}]}`}, true},
		"a pod selector means the own namespace":   {bankToWeb, []string{`{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`}, false},
		"an empty namespace selector means all":    {bankToWeb, []string{`{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`}, true},
		"namespaces have the label of their name":  {webToDNS, []string{`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}], ports: [{port: 53, protocol: UDP}]}]}`}, true},
		"the protocol is TCP unless said":          {webToDNS, []string{`{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53}]}]}`}, false},
		"namespace and pod must both match":        {bankToWeb, []string{`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {tenant: bank}}, podSelector: {matchLabels: {app: z}}}]}]}`}, false},
		"two peers are two ways":                   {bankToWeb, []string{`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: z}}}, {namespaceSelector: {matchLabels: {tenant: bank}}}]}]}`}, true},
		"NotIn also matches where there is none":   {bankToWeb, []string{`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: env, operator: NotIn, values: [prod]}]}}]}]}`}, true},
		"a port by its name":                       {bankToWeb, []string{`{podSelector: {}, ingress: [{ports: [{port: http}]}]}`}, true},
		"a name that the pod does not have":        {bankToWeb, []string{`{podSelector: {}, ingress: [{ports: [{port: metrics}]}]}`}, false},
		"another port":                             {bankToWeb, []string{`{podSelector: {}, ingress: [{ports: [{port: 80}]}]}`}, false},
		"a range of ports":                         {bankToWeb, []string{`{podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8080}]}]}`}, true},
		"an address in a block":                    {webToAPI, []string{`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 443}]}]}`}, true},
		"an address that the block excepts":        {webToAPI, []string{`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]}`}, false},
		"an address is in no namespace":            {webToAPI, []string{`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}]}]}`}, false},
		"a pod without an address is in no block":  {webToDB, []string{`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`}, false},
		"policies of another namespace do not act": {`{"from": {"namespace": "shop"}, "to": {"namespace": "bank"}, "port": 1}`, []string{`{podSelector: {}}`}, true},
	} {
		if a := ask(t, test.question, test.policies...); a.Open != test.open {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestAQuestionThatMakesNoSenseIsAnError(t *testing.T) {
	for _, text := range []string{
		`[{"from": {}, "to": {"ip": "10.0.0.1"}, "port": 1}]`,
		`[{"from": {"ip": "10.0.0"}, "to": {"ip": "10.0.0.1"}, "port": 1}]`,
		`[{"from": {"ip": "10.0.0.1"}, "to": {"ip": "10.0.0.1"}, "port": "http"}]`,
		`[{"from": {"ip": "10.0.0.1"}, "to": {"ip": "10.0.0.1"}, "port": 0}]`,
		`[{"from": {"namespace": "x", "workload": "Deployment/y"}, "to": {"ip": "10.0.0.1"}, "port": 1}]`,
		`[{"form": {}}]`,
	} {
		if err := run([]string{"/dev/null"}, strings.NewReader(text), nil); err == nil {
			t.Error(text)
		}
	}
}
