package release

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/secret"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Certs lists what an identity holds and whether it can sign for Windows. An
// empty ref is the identity of the spec.
func Certs(ctx context.Context, w io.Writer, o Options, ref, password, chain string, asJSON bool) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	id, err := openFor(ctx, o, ref, password, chain)
	if err != nil {
		return err
	}
	defer id.Close()
	l := id.List(o.Now())
	if asJSON {
		b, err := printable.JSON(l)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n", b)
	} else if err := l.WriteText(w); err != nil {
		return err
	}
	return identity.Err(l.Problems)
}

func openFor(ctx context.Context, o Options, ref, password, chain string) (*identity.Identity, error) {
	if w := sharedState(o); w != "" {
		o.Console.Warn("%s", w)
	}
	known, err := trust.Defaults(trust.Store{})
	if err != nil {
		return nil, err
	}
	opts := identity.Options{Password: secret.Ref(password), Dir: o.Root, Roots: known.CodeSigning.Certificates(), Now: o.Now, Getenv: o.Getenv}
	if ref != "" {
		for _, f := range strings.Split(chain, ",") {
			if f = strings.TrimSpace(f); f != "" {
				opts.ChainFiles = append(opts.ChainFiles, f)
			}
		}
		return identity.Open(ctx, ref, opts)
	}
	if chain != "" {
		return nil, fault.New(fault.Usage, "-chain= needs -identity=").Hint("the identity of release.yaml has sign.chain")
	}
	spec, err := LoadSpec(ctx, o)
	if err != nil {
		return nil, err
	}
	if spec.Sign == nil {
		return nil, fault.New(fault.Usage, "release.yaml has no section sign").Hint("name an identity with -identity=, such as -identity=pkcs12:my.pfx -password=env:PFX_PASSWORD")
	}
	r := &Release{}
	if err := r.open(o, spec, false); err != nil {
		return nil, err
	}
	return r.openIdentity(ctx, o)
}
