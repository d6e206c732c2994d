package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// Toolchain is what go env says about the installed Go.
type Toolchain struct {
	// Version such as go1.26.8.
	Version string `json:"GOVERSION"`
	// Work is the path of a workspace file, if one is active.
	Work string `json:"GOWORK"`
	// Experiment lists compiler experiments that go env -w turned on.
	Experiment string `json:"GOEXPERIMENT"`
}

// FindGo asks the go command in PATH, as it would run in root. env is the
// caller's environment.
func FindGo(ctx context.Context, root string, env []string) (*Toolchain, error) {
	out, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go", Args: []string{"env", "-json", "GOVERSION", "GOWORK", "GOEXPERIMENT"}, Dir: root, Env: env,
	})
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fault.New(fault.Other, "the go command is not in PATH").Hint("install Go from https://go.dev/dl/")
	}
	if err != nil {
		return nil, fmt.Errorf("asking go for its settings: %w", err)
	}
	var t Toolchain
	if err := json.Unmarshal([]byte(out), &t); err != nil {
		return nil, fmt.Errorf("reading the answer of go env: %v", err)
	}
	return &t, nil
}

// CheckToolchain refuses compiler experiments and says on log that a
// workspace is ignored. env is the caller's environment.
func CheckToolchain(ctx context.Context, req Request, env []string) (*Toolchain, error) {
	t, err := FindGo(ctx, req.Root, Environment(env, "GOWORK="+Value(env, "GOWORK")))
	if err != nil {
		return nil, err
	}
	if t.Experiment != "" { // not from env: Environment drops it there
		return nil, fault.New(fault.Other, "go env -w has set GOEXPERIMENT=%s, which changes the compiled bytes", t.Experiment).
			Hint("run: go env -u GOEXPERIMENT")
	}
	if t.Work != "" && t.Work != "off" && req.Log != nil {
		fmt.Fprintf(req.Log, "ignoring %s: a release is built from go.mod alone\n", t.Work)
	}
	return t, nil
}

// CheckPackages makes sure that each binary's main is exactly one package,
// that it exists, and that it is a program. All problems are reported at once.
func CheckPackages(ctx context.Context, req Request, env []string) error {
	var problems []error
	for i, b := range req.Spec.Binaries {
		if err := checkPackage(ctx, req, env, b); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			problems = append(problems, fmt.Errorf("build.binaries[%d].main: %w", i, err))
		}
	}
	return errors.Join(problems...)
}

type listed struct {
	ImportPath, Name string
	Error            *struct{ Err string }
}

func checkPackage(ctx context.Context, req Request, env []string, b spec.Binary) error {
	args := []string{"list", "-e", "-json=ImportPath,Name,Error"}
	if len(req.Spec.Tags) > 0 {
		args = append(args, "-tags="+strings.Join(req.Spec.Tags, ","))
	}
	out, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go", Args: append(args, "--", b.Main), Dir: req.Root,
		Env: Environment(env, "GOOS=windows", "GOARCH=amd64"),
	})
	if err != nil {
		return fmt.Errorf("looking at package %s: %w", b.Main, err)
	}
	found, err := decode(out)
	if err != nil {
		return fmt.Errorf("reading the answer of go list for %s: %v", b.Main, err)
	}
	return judge(b.Main, found)
}

func decode(out string) ([]listed, error) {
	var found []listed
	d := json.NewDecoder(strings.NewReader(out))
	for {
		var l listed
		if err := d.Decode(&l); err == io.EOF {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		found = append(found, l)
	}
}

func judge(pattern string, found []listed) error {
	if len(found) != 1 {
		return fault.New(fault.Usage, "%q stands for %d packages, not for one", pattern, len(found)).
			Hint("name the folder of one program, such as ./cmd/app")
	}
	p := found[0]
	if p.Error != nil {
		return fault.New(fault.Usage, "package %s: %s", pattern, strings.TrimSpace(p.Error.Err)).
			Hint("name the folder of a program, relative to release.yaml, such as ./cmd/app")
	}
	if p.Name != "main" {
		return fault.New(fault.Usage, "package %s is a library (package %s), not a program", pattern, p.Name).
			Hint("a program's files begin with: package main")
	}
	return nil
}
