package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	argocd "github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/git"
)

// repository answers the git generator from folders, one for each branch, as the repo-server does.
type repository struct {
	url         string
	branches    map[string]*branch
	newGlobbing bool
}

// branch is a folder of files and the index that `git ls-files` reads.
type branch struct {
	dir    string
	index  string
	client git.Client
	once   sync.Once
	err    error
}

func newRepository(url string, args []string, newGlobbing bool) (*repository, error) {
	// Nothing of a surrounding git command may reach the git that we run.
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "GIT_") {
			_ = os.Unsetenv(name)
		}
	}
	repo := &repository{url: url, branches: map[string]*branch{}, newGlobbing: newGlobbing}
	for _, arg := range args {
		name, dir, ok := strings.Cut(arg, "=")
		if !ok {
			return nil, fmt.Errorf("--branch %s: not NAME=DIR", arg)
		}
		if info, err := os.Stat(dir); err != nil {
			return nil, err
		} else if !info.IsDir() {
			return nil, fmt.Errorf("--branch %s: not a folder", arg)
		}
		repo.branches["refs/heads/"+name] = &branch{dir: dir}
	}
	return repo, nil
}

// Close removes the indexes.
func (r *repository) Close() {
	for _, b := range r.branches {
		if b.index != "" {
			_ = os.RemoveAll(b.index)
		}
	}
}

// part is a share of the files: those whose path falls to `index` of `count`.
type part struct {
	*repository
	index, count int
}

func (p part) has(path string) bool {
	return p.count == 1 || crc32.ChecksumIEEE([]byte(path))%uint32(p.count) == uint32(p.index)
}

// GetFiles is what GetGitFiles of the repo-server does: list by Argo CD's git client, then read.
func (p part) GetFiles(_ context.Context, url, revision, _, pattern string, _ bool, _ *argocd.SourceIntegrity) (map[string][]byte, error) {
	if p.url != "" && !git.SameURL(p.url, url) {
		return nil, fmt.Errorf("repository %s not found", url)
	}
	name := revision
	if !strings.HasPrefix(name, "refs/") {
		name = "refs/heads/" + name
	}
	b, ok := p.branches[name]
	if !ok {
		return nil, fmt.Errorf("unable to resolve git revision %s", revision)
	}
	if b.once.Do(func() { b.err = b.open(p.newGlobbing) }); b.err != nil {
		return nil, b.err
	}
	if pattern == "" {
		pattern = "."
	}
	paths, err := b.client.LsFiles(pattern, p.newGlobbing)
	if err != nil {
		return nil, fmt.Errorf("unable to list files. revision %s pattern %s: %w", revision, pattern, err)
	}
	files := make(map[string][]byte, len(paths))
	for _, path := range paths {
		if !p.has(path) {
			continue
		}
		if files[path], err = os.ReadFile(filepath.Join(b.dir, path)); err != nil {
			return nil, fmt.Errorf("unable to read files. revision %s pattern %s: %w", revision, pattern, err)
		}
	}
	return files, nil
}

// GetDirectories is for generators that Pinrail never writes.
func (r *repository) GetDirectories(context.Context, string, string, string, bool, *argocd.SourceIntegrity) ([]string, error) {
	return nil, errors.New("the git directory generator is not supported here")
}

// open makes the client; the default engine lists an index, the new one walks the folder.
func (b *branch) open(newGlobbing bool) (err error) {
	root := b.dir
	if !newGlobbing {
		if b.index, err = os.MkdirTemp("", "argocd-expand-"); err != nil {
			return err
		}
		if err := b.fillIndex(); err != nil {
			return err
		}
		root = b.index
	}
	b.client, err = git.NewClientExt("file://"+root, root, git.NopCreds{}, false, false, "", "")
	return err
}

// fillIndex writes the names alone, so no file is hashed: `git ls-files` asks for nothing more.
func (b *branch) fillIndex() error {
	const emptyBlob = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
	var entries bytes.Buffer
	err := filepath.WalkDir(b.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".git" {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		mode := "100644"
		if entry.Type()&fs.ModeSymlink != 0 {
			mode = "120000"
		}
		name, err := filepath.Rel(b.dir, path)
		fmt.Fprintf(&entries, "%s %s\t%s\x00", mode, emptyBlob, name)
		return err
	})
	if err != nil {
		return err
	}
	if err := b.git(nil, "init", "--quiet", "--object-format=sha1"); err != nil {
		return err
	}
	return b.git(&entries, "update-index", "-z", "--index-info")
}

func (b *branch) git(in *bytes.Buffer, args ...string) error {
	cmd := exec.Command("git", args...)
	cmd.Dir = b.index
	if in != nil {
		cmd.Stdin = in
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return nil
}
