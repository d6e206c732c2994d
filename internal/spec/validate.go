package spec

import (
	"net/url"
	"strings"
)

// Validate judges a spec that Defaults has filled: all that depends on more
// than one field, on files, or on the platform. It changes nothing and reports
// every problem. What a single value must look like the decoder has judged.
func Validate(s *Spec, env Env) []Problem {
	j := &judgement{spec: s, env: env.withDefaults()}
	return j.list
}

// judgement collects problems.
type judgement struct {
	spec *Spec
	env  Env
	list []Problem
}

// add reports a problem of the field at path, unless ok.
func (j *judgement) add(ok bool, path, message, hint string) {
	if !ok {
		j.list = append(j.list, Problem{Line: j.spec.line(path), Path: path, Message: message, Hint: hint})
	}
}

// hostsOf lists the hosts of the URLs, each once.
func hostsOf(urls ...string) []string {
	var hosts []string
	for _, s := range urls {
		if u, err := url.Parse(s); err == nil && u.Scheme == "https" {
			if h := strings.ToLower(u.Hostname()); h != "" && !contains(hosts, h) {
				hosts = append(hosts, h)
			}
		}
	}
	return hosts
}
