// Nothing of these modules is compiled: they hold CustomResourceDefinitions.
module pinrail.dev/tests/tools/schemas/crds

go 1.26.6

require (
	github.com/cloudnative-pg/cloudnative-pg v1.30.1
	github.com/external-secrets/external-secrets v1.3.2
	github.com/prometheus-operator/prometheus-operator v0.94.1
	sigs.k8s.io/gateway-api v1.6.3
)
