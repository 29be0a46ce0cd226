package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pinrail.dev/tests/tools/internal/manifests"
)

const project = `
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shop}
spec:
  sourceRepos: [https://git.example.com/shop/*]
  destinations: [{name: prod, namespace: shop-*}]
`

const set = `
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: prod, namespace: argocd}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
    - git:
        repoURL: https://git.example.com/root.git
        revision: refs/heads/main
        files: [{path: pins/*.json}]
  template:
    metadata: {name: '{{ .name }}'}
    spec:
      project: shop
      destination: {name: '{{ dig "cluster" "prod" . }}', namespace: 'shop-{{ .name }}'}
      source: {repoURL: 'https://git.example.com/{{ dig "group" "shop" . }}/{{ .name }}.git', path: helm}
`

// expand writes the pins to a folder and expands the set over it.
func expand(t *testing.T, pins map[string]string, clusters ...string) *expansion {
	t.Helper()
	dir := t.TempDir()
	for name, text := range pins {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	objects, err := manifests.Parse("test", strings.NewReader(project+"---"+set))
	if err != nil {
		t.Fatal(err)
	}
	in, err := decode(objects)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := newRepository("", []string{"main=" + dir}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	c, err := newController("argocd", in.projects, repo, newClusters(clusters))
	if err != nil {
		t.Fatal(err)
	}
	sets, err := c.expandAll(in.sets)
	if err != nil {
		t.Fatal(err)
	}
	return sets["prod"]
}

func names(t *testing.T, e *expansion) string {
	t.Helper()
	var found []string
	for _, text := range e.Applications {
		var app struct{ Metadata struct{ Name string } }
		if err := json.Unmarshal(text, &app); err != nil {
			t.Fatal(err)
		}
		found = append(found, app.Metadata.Name)
	}
	return strings.Join(found, " ")
}

func TestApplicationsComeInOrderWhateverThePart(t *testing.T) {
	pins, want := map[string]string{}, []string{}
	for i := range 50 {
		name := fmt.Sprintf("s%02d", i)
		pins["pins/"+name+".json"] = `{"name": "` + name + `"}`
		want = append(want, name)
	}
	e := expand(t, pins)
	if got := names(t, e); got != strings.Join(want, " ") || e.Error != nil {
		t.Errorf("%s, %v", got, e.Error)
	}
	if len(e.Conditions)+len(e.Refused) > 0 {
		t.Error(e.Conditions, e.Refused)
	}
}

func TestTheDefaultEngineCrossesFolders(t *testing.T) {
	e := expand(t, map[string]string{
		"pins/a.json":   `{"name": "a"}`,
		"pins/b/c.json": `{"name": "c"}`,
		"pins/d.yaml":   `name: d`,
		"other/e.json":  `{"name": "e"}`,
	})
	if got := names(t, e); got != "a c" {
		t.Error(got)
	}
}

func TestOneBadFileStopsTheSet(t *testing.T) {
	for _, bad := range []string{`{"name": `, `["x"]`, `{}`} {
		e := expand(t, map[string]string{"pins/a.json": `{"name": "a"}`, "pins/b.json": bad})
		if e.Error == nil || len(e.Applications) > 0 {
			t.Errorf("%s: %v", bad, e.Applications)
		}
	}
}

func TestANameThatComesTwiceIsRefused(t *testing.T) {
	e := expand(t, map[string]string{"pins/a.json": `{"name": "a"}`, "pins/b.json": `{"name": "a"}`})
	if !strings.Contains(e.Refused["a"], "duplicate name") || names(t, e) != "a a" {
		t.Error(e.Refused)
	}
}

func TestTheProjectJudgesRepositoryAndDestination(t *testing.T) {
	e := expand(t, map[string]string{
		"pins/a.json": `{"name": "a", "group": "bank"}`,
		"pins/b.json": `{"name": "b", "cluster": "staging"}`,
		"pins/c.json": `{"name": "c"}`,
	})
	if got := strings.Join(e.Conditions["a"], ""); !strings.Contains(got, "application repo https://git.example.com/bank/a.git is not permitted") {
		t.Error(got)
	}
	if got := strings.Join(e.Conditions["b"], ""); !strings.Contains(got, "do not match any of the allowed destinations") {
		t.Error(got)
	}
	if e.Conditions["c"] != nil {
		t.Error(e.Conditions["c"])
	}
}

func TestAClusterThatIsNotThereIsRefused(t *testing.T) {
	pins := map[string]string{"pins/a.json": `{"name": "a"}`}
	if e := expand(t, pins, "staging"); !strings.Contains(e.Refused["a"], "there are no clusters with this name: prod") {
		t.Error(e.Refused)
	}
	if e := expand(t, pins, "prod=https://prod.example.com"); len(e.Refused)+len(e.Conditions) > 0 {
		t.Error(e.Refused, e.Conditions)
	}
}
