package submission

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// leftovers are what an unfilled template or a careless edit leaves.
var leftovers = regexp.MustCompile(`<[^>\n]*>|\{\{|\}\}|TODO|FIXME|YOUR_|XXX`)

// secrets are the shapes of common credentials.
var secrets = regexp.MustCompile(`gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|-----BEGIN|eyJ[\w-]{10,}\.[\w-]{10,}\.`)

// localPaths give away a person's or a build machine's folders.
var localPaths = regexp.MustCompile(`(^|[\s"'(])(/(home|Users|root|tmp|var|builds|workspace)/\S+|[A-Za-z]:\\Users\\\S+)`)

// links finds the URLs of the text.
var links = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s,;)"']+`)

// check reports every reason not to hand the text to Microsoft.
func check(text string, f Facts, hosts []string) error {
	var bad []string
	add := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if n := len(text); n > MaxText {
		add("it has %d characters after everything that may be dropped was; the form takes %d: shorten project.description, portal.behaviour or the template", n, MaxText)
	}
	if odd := strings.TrimFunc(text, func(r rune) bool { return r == '\n' || r >= ' ' && r <= '~' }); odd != "" {
		add("it contains %q, which has no plain ASCII spelling: spell it in Latin letters in release.yaml", []rune(odd)[0])
	}
	for _, m := range leftovers.FindAllString(text, -1) {
		add("%q looks like something left to be filled in", m)
	}
	if secrets.MatchString(text) {
		add("it seems to contain a credential")
	}
	for _, m := range localPaths.FindAllStringSubmatch(text, -1) {
		add("%q is a path of a local machine", m[2])
	}
	for _, l := range links.FindAllString(text, -1) {
		if why := checkLink(strings.TrimRight(l, "."), hosts); why != "" {
			add("%s", why)
		}
	}
	if !strings.Contains(text, f.SHA256) || f.SHA256 == "" {
		add("the SHA-256 of the file is not in it")
	}
	if f.Detection != "" && !strings.Contains(text, f.Detection) {
		add("the detection name is not in it")
	}
	if f.Signed && !strings.Contains(text, ascii(f.Signer)) {
		add("the signer is not in it")
	}
	if len(bad) == 0 {
		return nil
	}
	return fault.New(fault.Other, "checking the submission text: %s", strings.Join(bad, "; "))
}

func checkLink(link string, hosts []string) string {
	u, err := url.Parse(link)
	if err != nil {
		return fmt.Sprintf("%q is not a URL", link)
	}
	if u.Scheme != "https" {
		return fmt.Sprintf("%s is not an https URL", link)
	}
	if u.User != nil {
		return "a URL carries a user name or password"
	}
	if !slices.Contains(hosts, strings.ToLower(u.Hostname())) {
		return fmt.Sprintf("%s names a host that is not in portal.hosts", link)
	}
	return ""
}
