package spec

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/secret"
	"github.com/hallmark-dev/hallmark/internal/spec/language"
	"github.com/hallmark-dev/hallmark/internal/spec/ldflags"
)

// MaxLine is the longest text, in characters, that a field of one line takes.
const MaxLine = 1024

// Format is a kind of text that a field may demand.
type Format struct {
	// Pattern that the text must match; it means the same to Go and to
	// ECMAScript, so that the JSON Schema can carry it.
	Pattern string
	// Values lists every text allowed, for a closed set.
	Values []string
	// Want completes the sentence «this is not …».
	Want string
	// Hint describes how to write it.
	Hint string
	// Example of a text that fits.
	Example string
	// Secret texts are never shown in a message.
	Secret bool

	match func() *regexp.Regexp // compiled at first use: most programs that start never need it
	// check returns what is wrong with a text that matches, or "".
	check func(string) string
	// judge, when there, decides alone.
	judge func(string) (message, hint string)
}

// Formats are the formats that tags name. Read-only.
var Formats = compile(map[string]Format{
	"line": {
		Pattern: `^[^\x00-\x1f\x7f]+$`, Want: "one line of text",
		Hint: "leave out line breaks, tabs and control characters",
	},
	"ascii": {
		Pattern: `^[ -~]+$`, Want: "one line of plain ASCII text",
		Hint: "Microsoft's form takes plain ASCII only; leave out accents, dashes and quotes of typography",
	},
	"name": {
		Pattern: `^[A-Za-z0-9][A-Za-z0-9._-]*$`, Want: "a name of letters, digits, dot, dash and underscore",
		Hint: "it becomes part of file names; project.title may be any text", check: checkName,
	},
	"version": {
		Pattern: `^(git|env:[A-Za-z_][A-Za-z0-9_]*|` + semverPattern + `)$`, Want: "a version",
		Hint: "write a semantic version such as 1.4.2 (without v), env:NAME, or git for the tag on HEAD",
	},
	"four-part": {
		Pattern: `^[0-9]{1,5}(\.[0-9]{1,5}){3}$`, Want: "a version of four numbers",
		Hint: "write four numbers of at most 65535, such as 1.4.2.0", check: checkFourPart,
	},
	"numbers": {
		Example: "1.457.164.0",
		Pattern: `^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$`, Want: "a version of four numbers",
		Hint: "copy it from Windows Security, About; it looks like 1.457.164.0",
	},
	"https": {
		Example: "https://example.com",
		Pattern: `^https://[^\s/?#]+([/?#]\S*)?$`, Want: "an https URL",
		Hint: "write the whole address, such as https://example.com/product", check: checkURL,
	},
	"contact": {
		Example: "support@example.com",
		Pattern: `^(https://[^\s/?#]+([/?#]\S*)?|[^\s@/]+@[^\s@/]+\.[^\s@/]+)$`, Want: "an e-mail address or an https URL",
		Hint: "write support@example.com or https://example.com/help", check: checkContact,
	},
	"time-server": {
		Pattern: `^(test|https?://[^\s/?#]+([/?#]\S*)?)$`, Want: "a time server",
		Hint: "write test, or an address such as http://timestamp.digicert.com", check: checkTimeServer,
	},
	"path": {
		Pattern: `^[^\x00-\x1f\x7f]+$`, Want: "a path",
		Hint: "write a path relative to the project, with slashes", check: checkPath,
	},
	"glob": {
		Pattern: `^[^\x00-\x1f\x7f]+$`, Want: "a glob pattern",
		Hint: "write a pattern relative to the project, such as scripts/*.ps1", check: checkGlob,
	},
	"package": {
		Pattern: `^\.(/[^\x00-\x1f\x7f\\]+)?$`, Want: "a package of this module",
		Hint: "write . for the module's root, or a folder such as ./cmd/app", check: leaves,
	},
	"variable": {
		Pattern: `^[A-Za-z0-9_][A-Za-z0-9_./~-]*\.[A-Za-z_][A-Za-z0-9_]*$`, Want: "a package and the name of a variable",
		Hint: "write main.version, or example.com/module/package.Variable",
	},
	"build-tag": {
		Pattern: `^[A-Za-z0-9_.]+$`, Want: "a build tag",
		Hint: "one tag an entry: letters, digits, dot and underscore",
	},
	"variable-name": {
		Pattern: `^[A-Za-z_][A-Za-z0-9_]*$`, Want: "the name of an environment variable",
		Hint: "write the name alone, such as GOEXPERIMENT",
	},
	"command": {
		Pattern: `^[^\x00-\x1f\x7f]+$`, Want: "a command line",
		Hint: "write a program and its arguments; there is no shell, so no pipes, && or variables", check: checkCommand,
	},
	"build-flag": {
		Pattern: `^-?-(gcflags|asmflags|pgo|mod)=[^\x00-\x1f\x7f]+$`, Want: "a flag that a release takes",
		Hint: "possible are -gcflags=…, -asmflags=…, -pgo=… and -mod=…; linker flags, tags and the rest have keys of their own",
	},
	"secret": {
		Pattern: `^(env:[A-Za-z_][A-Za-z0-9_]*|file:[^\x00-\x1f\x7f]+)$`, Want: "a reference to a secret",
		Hint: "write env:NAME or file:PATH; the secret itself must not stand in this file", Secret: true, check: checkSecret,
	},
	"identity": {
		Pattern: `^(test|pem:.+,.+|(` + strings.Join(identity.Kinds(), "|") + `):.+)$`, Want: "a signing identity",
		Hint: "write test, pkcs12:FILE, pem:KEY,CHAIN, pkcs11:URI, exec:PROGRAM or one of the services in docs/identities.md", Secret: true, judge: judgeIdentity,
	},
	"oid": {
		Example: "1.3.6.1.5.5.7.3.3",
		Pattern: `^[0-2](\.(0|[1-9][0-9]{0,9})){1,31}$`, Want: "an object identifier",
		Hint: "write it in dotted form, such as 1.3.6.1.5.5.7.3.3; the listing of the identity shows those of its certificate",
	},
	"guid": {
		Example: "12345678-9abc-def0-1234-56789abcdef0",
		Pattern: `^(\{` + guidPattern + `\}|` + guidPattern + `)$`, Want: "a GUID",
		Hint: "a GUID looks like 12345678-9abc-def0-1234-56789abcdef0, braces allowed",
	},
	"thumbprint": {
		Example: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		Pattern: `^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$`, Want: "a thumbprint",
		Hint: "write the SHA-256 (64) or SHA-1 (40) of the certificate as hexadecimal digits without spaces or colons",
	},
	"language": {
		Pattern: `^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$`, Want: "a language tag",
		Hint: "write a BCP 47 tag with region, such as en-US, de-CH or zh-CN", check: checkLanguage,
	},
	"detection": {
		Example: "Trojan:Win32/Wacatac.B!ml",
		Pattern: `^[A-Za-z]+:[A-Za-z0-9_]+/[^!\s]+(![A-Za-z0-9.]+)?$`, Want: "a detection name",
		Hint: "copy it from Windows Security, Protection history; it looks like Trojan:Win32/Wacatac.B!ml",
	},
	"utc": {
		Example: "2026-01-31T12:00:00Z",
		Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$`, Want: "a time in UTC",
		Hint: "write it as 2026-01-31T12:00:00Z", check: checkUTC,
	},
	"host": {
		Example: "example.com",
		Pattern: `^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`, Want: "a host name",
		Hint: "write the host alone, such as example.com, without https:// and path",
	},
	"attribute": {
		Pattern: `^[A-Za-z][A-Za-z0-9._-]*$`, Want: "the name of a catalog attribute",
		Hint: "letters, digits, dot, dash and underscore, such as OSAttr",
	},
	"policy-option": {
		Values: policyOptions, Want: "an option of App Control policies",
		Hint: "options are written as Set-RuleOption prints them, such as Enabled:Audit Mode",
	},
})

// semverPattern is the grammar of semver.org 2.0.0 without named groups.
const semverPattern = `(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)` +
	`(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?` +
	`(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?`

const guidPattern = `[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`

// policyOptions are the rule options of the SiPolicy schema, in the order of
// Set-RuleOption's numbers and then those without a number.
var policyOptions = []string{
	"Enabled:UMCI", "Enabled:Boot Menu Protection", "Required:WHQL", "Enabled:Audit Mode", "Disabled:Flight Signing",
	"Enabled:Inherit Default Policy", "Enabled:Unsigned System Integrity Policy", "Required:EV Signers",
	"Enabled:Advanced Boot Options Menu", "Enabled:Boot Audit On Failure", "Disabled:Script Enforcement",
	"Required:Enforce Store Applications", "Enabled:Managed Installer", "Enabled:Intelligent Security Graph Authorization",
	"Enabled:Invalidate EAs on Reboot", "Enabled:Update Policy No Reboot", "Enabled:Allow Supplemental Policies",
	"Disabled:Runtime FilePath Rule Protection", "Enabled:Dynamic Code Security", "Enabled:Revoked Expired As Unsigned",
	"Enabled:Developer Mode Dynamic Code Trust", "Enabled:Secure Setting Policy", "Enabled:Conditional Windows Lockdown Policy",
	"Disabled:Default Windows Certificate Remapping",
}

func compile(formats map[string]Format) map[string]Format {
	for name, f := range formats {
		if f.Pattern != "" {
			f.match = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(f.Pattern) })
		}
		formats[name] = f
	}
	return formats
}

// Check judges a text: message and hint, both empty when it is good.
func (f Format) Check(s string) (message, hint string) {
	if f.judge != nil {
		return f.judge(s)
	}
	if !f.allows(s) {
		if f.Secret {
			return "the value is not " + f.Want, f.Hint
		}
		return fmt.Sprintf("%s is not %s", quote(s), f.Want), f.hintFor(s)
	}
	if utf8.RuneCountInString(s) > MaxLine {
		return fmt.Sprintf("the text is longer than %d characters", MaxLine), "shorten it"
	}
	if f.check != nil {
		if m := f.check(s); m != "" {
			return m, f.Hint
		}
	}
	return "", ""
}

func (f Format) allows(s string) bool {
	if f.match != nil {
		return f.match().MatchString(s)
	}
	return slices.Contains(f.Values, s)
}

func (f Format) hintFor(s string) string {
	if near := Nearest(s, f.Values); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return f.Hint
}

// quote shows a value in a message, shortened so that it stays one line.
func quote(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:57]) + "..."
	}
	return strconv.Quote(s)
}

func checkFourPart(s string) string {
	for _, part := range strings.Split(s, ".") {
		if n, err := strconv.ParseUint(part, 10, 32); err != nil || n > 65535 {
			return fmt.Sprintf("the part %s of %s is over 65535", part, s)
		}
	}
	return ""
}

func checkURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "":
		return fmt.Sprintf("%s is not a URL", quote(s))
	case u.User != nil:
		return "the URL holds a user name or password"
	}
	return ""
}

// checkServerURL is about an address that is asked, and written down.
func checkServerURL(s string) string {
	if wrong := checkURL(s); wrong != "" {
		return wrong
	}
	if found := secret.InURL(s); found != "" {
		return "the URL " + found
	}
	return ""
}

func checkContact(s string) string {
	if strings.HasPrefix(s, "https://") {
		return checkURL(s)
	}
	if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
		return fmt.Sprintf("%s is not an e-mail address", quote(s))
	}
	return ""
}

func checkTimeServer(s string) string {
	if s == "test" {
		return ""
	}
	return checkServerURL(s)
}

// shellOperator is what only a shell understands.
var shellOperator = regexp.MustCompile(`(^|\s)(\|\|?|&&?|;|[0-9]?>>?|<)(\s|$)|;$`)

func checkCommand(s string) string {
	if _, err := ldflags.Words(s); err != nil {
		return fmt.Sprintf("%s: %v", quote(s), err)
	}
	if shellOperator.MatchString(s) || shellVariable.MatchString(s) {
		return fmt.Sprintf("%s needs a shell", quote(s))
	}
	return ""
}

func checkLanguage(s string) string {
	if _, err := language.ID(s); err != nil {
		return err.Error()
	}
	return ""
}

func checkSecret(s string) string {
	if file, ok := strings.CutPrefix(s, "file:"); ok {
		return checkPath(file)
	}
	return ""
}

func checkUTC(s string) string {
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return fmt.Sprintf("%s is not a time that exists", quote(s))
	}
	return ""
}
