package release

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/proxy"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/timeserver"
)

// checkups are the checks of what the spec names.
func checkups(o Options, s *spec.Spec) []checkup {
	if s.Sign == nil {
		return []checkup{{"identity", func(context.Context, []string) diagnosis {
			return diagnosis{what: "identity", missing: true, text: "the release is not signed", hint: "add the sections sign and timestamp"}
		}}}
	}
	list := []checkup{{"identity", func(ctx context.Context, _ []string) diagnosis { return examineIdentity(ctx, o, s) }}}
	if s.Timestamp != nil {
		for _, server := range s.Timestamp.Servers {
			list = append(list, checkup{"time server", func(ctx context.Context, _ []string) diagnosis {
				return examineServer(ctx, server, time.Duration(s.Timestamp.RequestTimeout))
			}})
		}
	}
	return append(list, checkup{"roots", func(context.Context, []string) diagnosis { return examineRoots(o, s) }})
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
	if err := id.Permitted(ctx); err != nil {
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
	if by, err := proxy.FromEnvironment(&http.Request{URL: u}); err == nil && by != nil {
		return examined("time server", server+": through the proxy "+by.Host+", not examined further", nil)
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
		return diagnosis{what: "roots", missing: true, text: "the test root does not exist before the first release", hint: "run " + command.Line("release")}
	}
	if err != nil {
		return examined("roots", "", err)
	}
	disallowed, err := r.run.Disallowed()
	if err != nil {
		return examined("roots", "", err)
	}
	list := "Microsoft's list of disallowed certificates was not fetched yet (" + command.Line("roots:update") + ")"
	if disallowed != nil {
		list = fmt.Sprintf("%d disallowed certificates", disallowed.Len())
	}
	return examined("roots", fmt.Sprintf("%d for code signing, %d for time stamping; %s", roots.CodeSigning.Len(), roots.TimeStamping.Len(), list), nil)
}
