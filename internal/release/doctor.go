package release

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/goreleaser"
	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/timeserver"
)

// diagnosis is the result of one examination.
type diagnosis struct {
	what string
	ok   bool
	// missing is set when the release works without it.
	missing bool
	text    string
	hint    string
}

// Doctor examines everything that a release needs from its surroundings, one
// line each, and fails when something is wrong.
func Doctor(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	list := []diagnosis{examineGo(ctx, o), examineGit(ctx), examineGoreleaser(ctx)}
	s, err := LoadSpec(ctx, o)
	list = append(list, examined("release.yaml", "valid", err))
	if err == nil {
		list = append(list, examineSpec(ctx, o, s)...)
	}
	wrong := 0
	for _, d := range list {
		d.show(o)
		if !d.ok && !d.missing {
			wrong++
		}
	}
	if wrong > 0 {
		return fault.New(fault.Other, "%d of %d examinations failed", wrong, len(list))
	}
	return nil
}

func (d diagnosis) show(o Options) {
	mark := "ok"
	if d.missing {
		mark = "absent"
	} else if !d.ok {
		mark = "WRONG"
	}
	o.Console.Line("%-7s %-14s %s", mark, d.what, d.text)
	if d.hint != "" {
		o.Console.Line("%-22s hint: %s", "", d.hint)
	}
}

// examined turns an error into a diagnosis; its hints are part of its text.
func examined(what, good string, err error) diagnosis {
	if err != nil {
		return diagnosis{what: what, text: err.Error()}
	}
	return diagnosis{what: what, ok: true, text: good}
}

func examineGo(ctx context.Context, o Options) diagnosis {
	t, err := builder.FindGo(ctx, o.Root, os.Environ())
	if err != nil {
		return examined("Go", "", err)
	}
	return examined("Go", t.Version, nil)
}

func examineGit(ctx context.Context) diagnosis {
	out, err := childproc.Run(ctx, childproc.Cmd{Path: "git", Args: []string{"--version"}})
	if err != nil {
		return diagnosis{what: "git", missing: true, text: "not found",
			hint: "needed only for version: git, build.vcs: on and the commit in the submission text"}
	}
	return examined("git", strings.TrimSpace(out), nil)
}

func examineGoreleaser(ctx context.Context) diagnosis {
	tool, err := goreleaser.Locator{}.Find(ctx)
	if goreleaser.IsNotInstalled(err) {
		return diagnosis{what: "goreleaser", missing: true, text: "not installed; plain go build gives the same bytes", hint: goreleaser.HowToInstall}
	}
	if err != nil {
		return examined("goreleaser", "", err)
	}
	return examined("goreleaser", tool.Version+" from "+tool.From+" ("+tool.Path+")", nil)
}

func examineSpec(ctx context.Context, o Options, s *spec.Spec) []diagnosis {
	if s.Sign == nil {
		return []diagnosis{{what: "identity", missing: true, text: "the release is not signed", hint: "add the sections sign and timestamp"}}
	}
	list := []diagnosis{examineIdentity(ctx, o, s)}
	if s.Timestamp != nil {
		for _, server := range s.Timestamp.Servers {
			list = append(list, examineServer(ctx, server, time.Duration(s.Timestamp.RequestTimeout)))
		}
	}
	return append(list, examineRoots(o, s))
}

// examineIdentity judges without a trial signature: a token or service may
// bill each one.
func examineIdentity(ctx context.Context, o Options, s *spec.Spec) diagnosis {
	r := &Release{}
	if err := r.open(o, s, false); err != nil {
		return examined("identity", "", err)
	}
	defer r.Close()
	id, err := r.run.Identity(ctx)
	if err != nil {
		return examined("identity", "", err)
	}
	if err := identity.Err(id.JudgeCertificate(o.Now())); err != nil {
		return examined("identity", "", err)
	}
	days := int(id.Certificate.NotAfter.Sub(o.Now()).Hours() / 24)
	return examined("identity", fmt.Sprintf("%s: %s, %d days left", id.Ref, id.Certificate.Subject.CommonName, days), nil)
}

// examineServer only connects: a timestamp is not asked for, since operators
// count them.
func examineServer(ctx context.Context, server string, timeout time.Duration) diagnosis {
	if server == timeserver.Test {
		return examined("time server", "test: runs inside the release, on loopback", nil)
	}
	u, err := url.Parse(server)
	if err != nil {
		return examined("time server", "", err)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && proxy != nil {
		return examined("time server", server+": through the proxy "+proxy.Host+", not examined further", nil)
	}
	c, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		d := examined("time server", "", fmt.Errorf("%s: %v", server, err))
		d.hint = "check the address and the firewall; a second server in timestamp.servers helps when one is down"
		return d
	}
	c.Close()
	return examined("time server", server+": reachable", nil)
}

func examineRoots(o Options, s *spec.Spec) diagnosis {
	r := &Release{}
	if err := r.open(o, s, false); err != nil {
		return examined("roots", "", err)
	}
	roots, err := r.run.Roots()
	if r.run.UsesTestIdentity() && err != nil {
		return diagnosis{what: "roots", missing: true, text: "the test root does not exist before the first release", hint: "run mage release"}
	}
	if err != nil {
		return examined("roots", "", err)
	}
	disallowed, err := r.run.Disallowed()
	if err != nil {
		return examined("roots", "", err)
	}
	list := "Microsoft's list of disallowed certificates is not there (mage roots:update)"
	if disallowed != nil {
		list = fmt.Sprintf("%d disallowed certificates", disallowed.Len())
	}
	return examined("roots", fmt.Sprintf("%d for code signing, %d for time stamping; %s", roots.CodeSigning.Len(), roots.TimeStamping.Len(), list), nil)
}
