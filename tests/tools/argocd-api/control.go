package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	argocd "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

// entry is a call of the API, as it arrived.
type entry struct {
	Path       string `json:"path"`
	Query      string `json:"query"`
	Authorized bool   `json:"authorized"`
}

// fault is what calls are answered with instead, one after the other.
type fault struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   string            `json:"body"`
}

// faulty keeps the log, and answers with the faults there are.
func (s *server) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.lock.Lock()
		s.log = append(s.log, entry{r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization") != ""})
		var now *fault
		if len(s.faults) > 0 {
			now, s.faults = &s.faults[0], s.faults[1:]
		}
		s.lock.Unlock()
		if now == nil {
			next.ServeHTTP(w, r)
			return
		}
		for name, value := range now.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(now.Status)
		_, _ = io.WriteString(w, now.Body)
	})
}

// control is what the README tells.
func (s *server) control(mux *http.ServeMux) {
	handle := func(pattern string, act func(r *http.Request, body []byte) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			var answer any
			if err == nil {
				s.lock.Lock()
				answer, err = act(r, body)
				s.lock.Unlock()
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	handle("PUT /control/applications", func(_ *http.Request, body []byte) (any, error) { return nil, s.apply(body) })
	handle("DELETE /control/applications/{name}", func(r *http.Request, _ []byte) (any, error) {
		delete(s.apps, namespace+"/"+r.PathValue("name"))
		return nil, nil
	})
	handle("PATCH /control/applications/{name}", s.patch)
	handle("POST /control/applications/{name}/synced", s.synced)
	handle("PUT /control/tokens", func(_ *http.Request, body []byte) (any, error) {
		s.tokens = nil
		return nil, strict(body, &s.tokens)
	})
	handle("PUT /control/policy", func(_ *http.Request, body []byte) (any, error) { return nil, s.enforcer.SetUserPolicy(string(body)) })
	handle("PUT /control/faults", func(_ *http.Request, body []byte) (any, error) { return nil, strict(body, &s.faults) })
	handle("PUT /control/stuck", func(_ *http.Request, body []byte) (any, error) { return nil, strict(body, &s.stuck) })
	handle("GET /control/log", func(*http.Request, []byte) (any, error) { return s.log, nil })
}

// apply does what the ApplicationSet controller does: the spec is new, the status stays.
func (s *server) apply(body []byte) error {
	var apps []*argocd.Application
	if err := strict(body, &apps); err != nil {
		return err
	}
	for _, app := range apps {
		if app.Namespace == "" {
			app.Namespace = namespace
		}
		key := app.Namespace + "/" + app.Name
		if old, ok := s.apps[key]; ok {
			app.Status = old.Status
		}
		s.apps[key] = app
	}
	return nil
}

func (s *server) named(r *http.Request) (*argocd.Application, error) {
	app, ok := s.apps[namespace+"/"+r.PathValue("name")]
	if !ok {
		return nil, fmt.Errorf("there is no application %s", r.PathValue("name"))
	}
	return app, nil
}

// patch merges into an Application; what Argo CD's type does not have is an error.
func (s *server) patch(r *http.Request, body []byte) (any, error) {
	app, err := s.named(r)
	if err != nil {
		return nil, err
	}
	before, err := json.Marshal(app)
	if err != nil {
		return nil, err
	}
	after, err := jsonpatch.MergePatch(before, body)
	if err != nil {
		return nil, err
	}
	patched := &argocd.Application{}
	if err := strict(after, patched); err != nil {
		return nil, err
	}
	*app = *patched
	return app, nil
}

func strict(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
