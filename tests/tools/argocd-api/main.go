// Command argocd-api answers as the API of Argo CD does, for Applications that a test describes.
//
// Requests and answers go through Argo CD's own gateway, types, errors and RBAC; there is no
// cluster behind them. It prints where it is, as JSON, and ends with its standard input.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/argoproj/argo-cd/v3/pkg/apiclient/application"
	"github.com/argoproj/argo-cd/v3/util/grpc"
	"github.com/grpc-ecosystem/grpc-gateway/runtime"
	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "argocd-api:", err)
		os.Exit(2)
	}
}

func run() error {
	logrus.SetOutput(io.Discard)
	klog.SetLogger(klog.Logger{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s, err := newServer()
	if err != nil {
		return err
	}
	// As newHTTPServer of server/server.go.
	gateway := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, new(grpc.JSONMarshaler)))
	if err := application.RegisterApplicationServiceHandlerClient(context.Background(), gateway, s); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", s.faulty(gateway))
	s.control(mux)
	url := "http://" + listener.Addr().String()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"url": url}); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(listener, mux)
}
