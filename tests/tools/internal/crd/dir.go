package crd

import (
	"os"
	"path/filepath"
)

// Beside is the folder `schemas` beside the running program, where the build puts it.
func Beside() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(program), "schemas"), nil
}
