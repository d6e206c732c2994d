package spec

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

func (j *judgement) portal() {
	p := j.spec.Portal
	if p == nil {
		return
	}
	j.file("portal.template", p.Template)
	j.refuse(j.spec.Project.Description == "", "portal", "needs project.description: the text begins with what the product does",
		"describe the product in one sentence in project.description")
	if p.Detection == "" {
		for _, key := range []string{"definition_version", "engine_version", "stage", "first_seen"} {
			j.refuse(j.spec.has("portal."+key), "portal."+key, "has no effect without portal.detection", "name what was detected, or delete the line")
		}
	}
	for _, u := range []struct{ path, value string }{
		{"project.url", j.spec.Project.URL}, {"project.repository", j.spec.Project.Repository}, {"project.support", j.spec.Project.Support},
		{"portal.download_url", p.DownloadURL}, {"portal.ci_url", p.CIURL},
	} {
		host := hostOf(u.value)
		j.refuse(host != "" && !slices.ContainsFunc(p.Hosts, func(h string) bool { return strings.EqualFold(h, host) }), u.path,
			fmt.Sprintf("the host %s is not among portal.hosts", host), "add the host there if the text may name it")
	}
	j.refuse(!belongs(p.CIURL, j.spec.Project.Repository), "portal.ci_url",
		"is on the host of project.repository but belongs to another repository", "name a build of this repository")
}

// belongs reports whether a build log on the repository's own host lies below
// the repository. Build logs elsewhere belong to whom the host list says.
func belongs(ci, repository string) bool {
	if ci == "" || repository == "" || hostOf(ci) != hostOf(repository) {
		return true
	}
	c, err := url.Parse(ci)
	if err != nil {
		return false
	}
	r, err := url.Parse(repository)
	if err != nil {
		return false
	}
	base := strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(r.Path, "/"), ".git")) + "/"
	return strings.HasPrefix(strings.ToLower(c.Path)+"/", base)
}
