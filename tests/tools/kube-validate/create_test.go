package main

import (
	"strings"
	"testing"

	"pinrail.dev/tests/tools/internal/manifests"
)

func TestTheAPIServersOwnCodeJudges(t *testing.T) {
	for object, want := range map[string]string{
		"{apiVersion: v1, kind: Namespace, metadata: {name: a}}":                                                                                      "",
		"{apiVersion: v1, kind: Namespace, metadata: {name: a.b}}":                                                                                    "metadata.name: Invalid value",
		"{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: a}}":                                                                        "in no namespace",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: 1}}":                                                                        "cannot unmarshal number",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, date: {}}":                                                                            `unknown field "date"`,
		"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {a: b}, ports: [{port: 80, targetPort: http}]}}":                       "",
		"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}, {port: 81}]}}":                                               "spec.ports[0].name: Required value",
		"{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}": "",
		"{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {containers: [{name: a, image: a}]}}}}":                       "restartPolicy: Required value",
		"{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: '0 3 * * *', timeZone: Europe/Paris, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}}": "",
		"{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a, env: [{name: A, value: a}, {name: A, value: b}]}]}}":                                                                          "warning: spec.containers[0].env[1]",
		"{apiVersion: v1, kind: Event, metadata: {name: a}}": "no validation for this kind",
	} {
		objects, err := manifests.Parse("test", strings.NewReader(object))
		if err != nil {
			t.Fatal(err)
		}
		problems, err := create(objects[0])
		var got []string
		for _, p := range problems {
			got = append(got, p.at+": "+p.message)
		}
		if text := strings.Join(got, "\n"); err != nil || !strings.Contains(text, want) || (want == "") != (text == "") {
			t.Errorf("%s: %s, %v", object, text, err)
		}
	}
}
