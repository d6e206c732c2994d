package scaffold

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/spec"
)

// versionVariable finds a string variable named version in a main package, or
// returns "".
func versionVariable(dir string, files []string) string {
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, decl := range file.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, one := range g.Specs {
				if v := versionName(one.(*ast.ValueSpec)); v != "" {
					return "main." + v
				}
			}
		}
	}
	return ""
}

// versionName accepts what the linker's -X can set: a string variable without
// value, or with a literal.
func versionName(v *ast.ValueSpec) string {
	if len(v.Names) != 1 || !strings.EqualFold(v.Names[0].Name, "version") {
		return ""
	}
	if t, ok := v.Type.(*ast.Ident); v.Type != nil && (!ok || t.Name != "string") {
		return ""
	}
	switch {
	case len(v.Values) == 0 && v.Type != nil:
		return v.Names[0].Name
	case len(v.Values) == 1:
		if l, ok := v.Values[0].(*ast.BasicLit); ok && l.Kind == token.STRING {
			return v.Names[0].Name
		}
	}
	return ""
}

// forges are hosts whose module paths are the addresses of repositories.
var forges = map[string]bool{"github.com": true, "gitlab.com": true, "bitbucket.org": true, "codeberg.org": true, "git.sr.ht": true}

var scpLike = regexp.MustCompile(`^(?:[^@/\s]+@)?([^:/\s]+):([^/\s].*)$`)

// repository is the https address of the source code: that of the remote, or
// what the module's path says, or "". A user name or token in the remote's
// address stays behind.
func repository(remote, module string) string {
	if u := fromRemote(remote); u != "" {
		return u
	}
	parts := strings.Split(module, "/")
	if len(parts) >= 3 && forges[parts[0]] {
		return checked("https://" + strings.Join(parts[:3], "/"))
	}
	return ""
}

func fromRemote(remote string) string {
	host, where := "", ""
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		if u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh" && u.Scheme != "git" {
			return ""
		}
		host, where = u.Hostname(), strings.TrimPrefix(u.Path, "/")
		if u.Scheme == "https" && u.Port() != "" {
			host = u.Host
		}
	} else if m := scpLike.FindStringSubmatch(remote); m != nil {
		host, where = m[1], m[2]
	}
	if !strings.Contains(host, ".") || where == "" {
		return "" // a local folder, or a name of this network only
	}
	return checked("https://" + host + "/" + strings.TrimSuffix(strings.TrimSuffix(where, "/"), ".git"))
}

func checked(u string) string {
	if message, _ := spec.Formats["https"].Check(u); message != "" {
		return ""
	}
	return u
}
