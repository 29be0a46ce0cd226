// Nothing of this module is compiled: it holds the OpenAPI documents of Kubernetes 1.34.
module pinrail.dev/tests/tools/schemas/kubernetes-1.34

go 1.26.3

require k8s.io/kubernetes v1.34.4
