// Package manifests reads Kubernetes objects from files, folders and standard input.
package manifests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Object is one object and the file that holds it.
type Object struct {
	*unstructured.Unstructured
	File string
}

// String names the object as `kind/name`.
func (o Object) String() string {
	return o.GetKind() + "/" + o.GetName()
}

// JSON is the object as it was written, defaults and all.
func (o Object) JSON() ([]byte, error) {
	return json.Marshal(o.Object)
}

// Read reads every object of the files and folders; `-` is standard input.
func Read(paths []string) ([]Object, error) {
	var objects []Object
	for _, path := range paths {
		files, err := list(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			found, err := readFile(file)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			objects = append(objects, found...)
		}
	}
	return objects, nil
}

// list walks a folder in order of names; a file that is named itself is read whatever its ending.
func list(path string) ([]string, error) {
	if path == "-" {
		return []string{path}, nil
	}
	var files []string
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(file) {
		case ".yaml", ".yml", ".json":
			files = append(files, file)
		default:
			if file == path {
				files = append(files, file)
			}
		}
		return nil
	})
	return files, err
}

func readFile(file string) ([]Object, error) {
	if file == "-" {
		return Parse(file, os.Stdin)
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return Parse(file, in)
}

// Parse reads a stream of YAML documents. A key that is written twice is an error.
func Parse(file string, in io.Reader) ([]Object, error) {
	var objects []Object
	documents := yamlutil.NewYAMLReader(bufio.NewReader(in))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		text, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(text, []byte("null")) {
			continue
		}
		content := map[string]any{}
		if err := json.Unmarshal(text, &content); err != nil {
			return nil, err
		}
		found, err := flatten(file, content)
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
}

// flatten takes the objects out of a `List`.
func flatten(file string, content map[string]any) ([]Object, error) {
	object := Object{&unstructured.Unstructured{Object: content}, file}
	if object.GetKind() == "" || object.GetAPIVersion() == "" {
		return nil, errors.New("a document without apiVersion and kind")
	}
	if object.GetKind() != "List" {
		return []Object{object}, nil
	}
	var objects []Object
	items, _ := content["items"].([]any)
	for _, item := range items {
		content, _ := item.(map[string]any)
		found, err := flatten(file, content)
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
	return objects, nil
}
