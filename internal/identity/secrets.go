package identity

import (
	"net/url"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Secrets are the references to secrets in the short form: the PIN of a token,
// and options of services such as oidc_token=env:NAME; also the variables in
// which a service looks for its credential by itself.
func (r Ref) Secrets() []secret.Ref {
	var refs []secret.Ref
	if r.Token.PIN != "" {
		refs = append(refs, r.Token.PIN)
	}
	if r.Remote == nil {
		return refs
	}
	if f, ok := r.Remote.(interface{ Secrets() []secret.Ref }); ok {
		refs = append(refs, f.Secrets()...)
	}
	_, query, _ := strings.Cut(r.text, "?")
	options, err := url.ParseQuery(query)
	if err != nil {
		return refs // ParseRef has refused such a form
	}
	for _, values := range options {
		for _, v := range values {
			if ref, err := secret.Parse(v); err == nil && ref != "" {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}
