package bench

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/internal/childproc"
)

// What every signature says.
const (
	description = "Benchmark"
	address     = "https://example.com"
)

//go:embed relic/main.go.txt
var relicSource string

// relicModule pins what the program around relic is built from. It is a module
// of its own, so that relic is none of this project's dependencies.
const relicModule = `module relicsign

go 1.26

require (
	github.com/sassoftware/relic/v7 v7.6.2
	software.sslmate.com/src/go-pkcs12 v0.7.4
)
`

// buildRelic builds the program in dir and returns its path. Modules that are
// not in Go's cache are fetched.
func buildRelic(ctx context.Context, dir string) (string, error) {
	if err := writeAll(dir, map[string]string{"go.mod": relicModule, "main.go": relicSource}); err != nil {
		return "", err
	}
	out := filepath.Join(dir, "relicsign")
	_, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go", Args: []string{"build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", out}, Dir: dir,
		Env: append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"),
	})
	return out, err
}

// oursSigns is this program signing files (a path or a pattern) into the folder out.
func (s *session) oursSigns(files, out string, pages bool) command {
	args := []string{s.self, "file:sign", "-in=" + files, "-out=" + out, "-identity=pkcs12:" + s.in.key.pfx, "-password=env:" + passwordVariable, "-chain=" + s.in.key.root,
		"-description=" + description, "-url=" + address}
	if pages {
		args = append(args, "-pages")
	}
	return command{args: args, env: []string{passwordVariable + "=" + password}, dir: s.dir, clean: emptied(out)}
}

// osslSigns is osslsigncode signing one file into the folder out.
func (s *session) osslSigns(file, out string, pages bool) command {
	args := []string{s.ossl, "sign", "-pkcs12", s.in.key.pfx, "-pass", password, "-h", "sha256", "-n", description, "-i", address}
	if pages {
		args = append(args, "-ph")
	}
	return command{args: append(args, "-in", file, "-out", filepath.Join(out, filepath.Base(file))), dir: s.dir, clean: emptied(out)}
}

// relicSigns is relic signing files into the folder out.
func (s *session) relicSigns(out string, pages bool, files ...string) command {
	c := command{args: append([]string{s.relic, s.in.key.pfx}, files...), env: []string{passwordVariable + "=" + password}, dir: s.dir, clean: emptied(out)}
	if pages {
		c.env = append(c.env, "PAGES=1")
	}
	c.args = append(c.args, out)
	return c
}

// oursVerifies is this program verifying files. What is not right by its own
// rules but good for Windows, such as a signature without timestamp, passes.
func (s *session) oursVerifies(files string) command {
	return command{args: []string{s.self, "file:verify", "-in=" + files, "-roots=" + s.in.key.root, "-allow=windows"}, dir: s.dir}
}

// osslVerifies is osslsigncode verifying a file.
func (s *session) osslVerifies(file string) command {
	return command{args: []string{s.ossl, "verify", "-CAfile", s.in.key.root, "-in", file}, dir: s.dir}
}

// verified lets both sides verify a file.
func (s *session) verified(ctx context.Context, file string) error {
	if _, err := s.once(ctx, s.oursVerifies(file)); err != nil {
		return err
	}
	if s.ossl == "" {
		return nil
	}
	_, err := s.once(ctx, s.osslVerifies(file))
	return err
}
