// Command network-policies answers which connections the NetworkPolicies leave open.
//
//	network-policies FILE_OR_FOLDER... < QUESTIONS > ANSWERS
//
// Questions and answers are JSON lists; the types question and answer show their fields.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"pinrail.dev/tests/tools/internal/manifests"
)

// question asks whether a pod may open a connection to a port of another.
type question struct {
	ID       json.RawMessage `json:"id,omitempty"`
	From     endpoint        `json:"from"`
	To       endpoint        `json:"to"`
	Port     portName        `json:"port"`
	Protocol string          `json:"protocol,omitempty"` // TCP
}

// endpoint is a pod, an address, or a pod with an address.
type endpoint struct {
	Namespace       string            `json:"namespace,omitempty"`
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"` // added to the Namespace's own
	Workload        string            `json:"workload,omitempty"`        // kind/name: labels and ports of its pods
	Labels          map[string]string `json:"labels,omitempty"`
	Ports           map[string]int32  `json:"ports,omitempty"` // names of ports
	IP              string            `json:"ip,omitempty"`
}

// answer is open when both sides are.
type answer struct {
	ID      json.RawMessage `json:"id,omitempty"`
	Open    bool            `json:"open"`
	Egress  side            `json:"egress"`
	Ingress side            `json:"ingress"`
}

// side is open when no policy selects the pod, or one of those that do allows the connection.
type side struct {
	Open    bool     `json:"open"`
	Selects []string `json:"selects"`
	Allows  []string `json:"allows"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "network-policies:", err)
		os.Exit(2)
	}
}

func run(files []string, in io.Reader, out io.Writer) error {
	if len(files) == 0 {
		return errors.New("usage: network-policies FILE_OR_FOLDER... < QUESTIONS")
	}
	objects, err := manifests.Read(files)
	if err != nil {
		return err
	}
	cluster, err := newCluster(objects)
	if err != nil {
		return err
	}
	var questions []question
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&questions); err != nil {
		return fmt.Errorf("the questions: %w", err)
	}
	answers := make([]answer, 0, len(questions))
	for i, q := range questions {
		a, err := cluster.ask(q)
		if err != nil {
			return fmt.Errorf("question %d %s: %w", i+1, q.ID, err)
		}
		answers = append(answers, a)
	}
	return json.NewEncoder(out).Encode(answers)
}
