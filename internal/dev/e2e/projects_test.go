package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/formats/peimage/resource"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var update = flag.Bool("update", false, "write docs/tried.md anew from the projects that were tried")

// wanted names the variable that switches TestProjects on: 1 for all projects,
// or names with commas between. It needs the network, and an hour on a machine
// with two cores.
const wanted = "HALLMARK_PROJECTS"

// project is a public Go project at one of its tags.
type project struct {
	name, module, version, remote string
	programs                      []string // names that init has to choose, without .exe
	done                          string   // how far it is taken: released, planned, or init only
	args                          []string // make the first program print its version
}

var projects = []project{
	{name: "mage", module: "github.com/magefile/mage", version: "v1.17.2", programs: []string{"mage"}, done: "released", args: []string{"-version"}},
	{name: "fzf", module: "github.com/junegunn/fzf", version: "v0.74.3", programs: []string{"fzf"}, done: "released", args: []string{"--version"}},
	{name: "age", module: "filippo.io/age", version: "v1.3.1", remote: "https://github.com/FiloSottile/age",
		programs: []string{"age", "age-inspect", "age-keygen", "age-plugin-batchpass"}, done: "released", args: []string{"--version"}},
	{name: "task", module: "github.com/go-task/task/v3", version: "v3.53.1", programs: []string{"task"}, done: "released", args: []string{"--version"}},
	{name: "git-lfs", module: "github.com/git-lfs/git-lfs/v3", version: "v3.7.1", programs: []string{"git-lfs"}, done: "released", args: []string{"version"}},
	{name: "lazygit", module: "github.com/jesseduffield/lazygit", version: "v0.64.1", programs: []string{"lazygit"}, done: "released", args: []string{"--version"}},
	{name: "windows_exporter", module: "github.com/prometheus-community/windows_exporter", version: "v0.31.8", programs: []string{"windows_exporter"}, done: "released", args: []string{"--version"}},
	{name: "gvisor-tap-vsock", module: "github.com/containers/gvisor-tap-vsock", version: "v0.8.9", programs: []string{"win-sshproxy", "gvproxy"}, done: "released"},
	{name: "gh", module: "github.com/cli/cli/v2", version: "v2.60.0", programs: []string{"gh"}, done: "planned"},
	// Its vendor folder is not part of the published module, and one of its
	// dependencies may be missing from a proxy.
	{name: "hcsshim", module: "github.com/Microsoft/hcsshim", version: "v0.15.0-rc.4", programs: []string{"containerd-shim-runhcs-v1", "device-util", "jobobject-util",
		"mkuvmcim", "ncproxy", "runhcs", "shimdiag", "tar2ext4", "wclayer", "gcs-sidecar"}, done: "init only"},
	{name: "rclone", module: "github.com/rclone/rclone", version: "v1.75.0", programs: []string{"rclone"}, done: "planned"},
}

// TestProjects takes public projects as their users get them, and releases them
// with what init writes, without an edit.
func TestProjects(t *testing.T) {
	names := os.Getenv(wanted)
	if names == "" {
		t.Skipf("takes long and fetches modules; %s=1 tries all projects, %s=age,fzf these", wanted, wanted)
	}
	bin := program(t)
	rows := map[string]string{}
	for _, p := range projects {
		if names != "1" && !slices.Contains(strings.Split(names, ","), p.name) {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			dir := checkout(t, p)
			tried := initialise(t, bin, dir, p)
			if p.done != "init only" {
				must(t, dir, bin, "plan")
			}
			if p.done == "released" {
				tried.release(t, bin, dir, p)
			}
			onlyOurs(t, dir)
			rows[p.name] = tried.row(p)
		})
	}
	table(t, rows)
}

// must runs the program, which has to end well. A big project is compiled for
// many minutes.
func must(t *testing.T, dir, bin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(bin), args, err, out)
	}
	return string(out)
}

// checkout makes a repository of a module's published files, with its tag.
func checkout(t *testing.T, p project) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", p.module+"@"+p.version).Output()
	var got struct{ Dir, Error string }
	if e := json.Unmarshal(out, &got); e != nil || err != nil {
		t.Fatalf("fetching %s: %v, %s", p.module, err, got.Error)
	}
	dir := filepath.Join(t.TempDir(), p.name)
	if err := os.CopyFS(dir, os.DirFS(got.Dir)); err != nil {
		t.Fatal(err)
	}
	remote := p.remote
	if remote == "" {
		remote = "https://" + strings.Join(strings.Split(p.module, "/")[:3], "/")
	}
	for _, args := range [][]string{{"init", "-q"}, {"remote", "add", "origin", remote}, {"add", "-A"}, {"commit", "-q", "-m", p.version}, {"tag", p.version}} {
		cmd := exec.Command("git", append([]string{"-c", "user.name=Jo", "-c", "user.email=jo@example.com", "-c", "core.autocrlf=false"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

// tried is what became of a project.
type tried struct {
	report string // what init printed
	spec   struct {
		Project struct{ Name, Title, Version, Company, Description string }
		Build   struct {
			Binaries  []struct{ Main, Name string }
			Targets   []string
			Variables map[string]string
			VCS       string
			Before    []string
		}
	}
}

func initialise(t *testing.T, bin, dir string, p project) *tried {
	t.Helper()
	r := &tried{report: must(t, dir, bin, "init")}
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(dir, "release.yaml"))), &r.spec); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range r.spec.Build.Binaries {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	want := slices.Sorted(slices.Values(p.programs))
	if !slices.Equal(names, want) {
		t.Errorf("init chose %q, want %q\n%s", names, want, r.report)
	}
	if lines := strings.Count(read(t, filepath.Join(dir, "release.yaml")), "\n"); lines >= 40 {
		t.Errorf("release.yaml has %d lines", lines)
	}
	if r.spec.Project.Version != "git" {
		t.Errorf("the version is %q, though there is a tag", r.spec.Project.Version)
	}
	if out := must(t, dir, bin, "init", "-check"); !strings.Contains(out, "agrees with") {
		t.Errorf("init -check says\n%s", out)
	}
	return r
}

func (r *tried) release(t *testing.T, bin, dir string, p project) {
	t.Helper()
	must(t, dir, bin, "release")
	targets := max(2, len(r.spec.Build.Targets)) // two by default
	released := glob(t, dir, "dist/release/*/*.exe")
	if want := len(p.programs) * targets; len(released) != want {
		t.Errorf("%d programs are in dist/release, want %d: %q", len(released), want, released)
	}
	accepted(t, dir, released)
	version := strings.TrimPrefix(p.version, "v")
	for _, file := range released {
		r.resources(t, file, version)
	}
	built := glob(t, dir, "dist/build/*_windows_amd64/*.exe")
	for _, file := range built {
		if !bytes.Contains([]byte(read(t, file)), []byte(version)) {
			t.Errorf("%s does not contain its version %s", filepath.Base(file), version)
		}
	}
	if out := must(t, dir, bin, "release"); !strings.Contains(out, "everything is up to date") {
		t.Errorf("the second release did something:\n%s", out)
	}
	if p.args == nil {
		return
	}
	t.Run("run", func(t *testing.T) {
		rig := formatstest.NewRig(t)
		name := p.programs[0]
		file := filepath.Join(dir, "dist", "release", name+"_windows_amd64", name+".exe")
		out, err := rig.Run(file, p.args...)
		if err != nil || !strings.Contains(out, version) {
			t.Errorf("%s %v prints %q, %v; want %s", name, p.args, out, err, version)
		}
	})
}

// resources holds the version information of a program against the spec.
func (r *tried) resources(t *testing.T, file, version string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	im, err := peimage.Parse(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	v, err := resource.ReadVersion(im, f)
	if err != nil || v == nil {
		t.Fatalf("%s: version information %v, %v", file, v, err)
	}
	s := v.First()
	title := r.spec.Project.Title
	if title == "" {
		title = r.spec.Project.Name
	}
	description := r.spec.Project.Description
	if description == "" {
		description = title
	}
	for key, want := range map[string]string{"CompanyName": r.spec.Project.Company, "ProductName": title, "FileDescription": description,
		"ProductVersion": version, "OriginalFilename": filepath.Base(file)} {
		if s[key] != want {
			t.Errorf("%s: %s is %q, want %q", filepath.Base(file), key, s[key], want)
		}
	}
}

// onlyOurs demands that nothing of the project was changed but .gitignore.
func onlyOurs(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("git", "status", "--porcelain")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(strings.TrimRight(string(out), "\n"), "\n") {
		if l != "?? release.yaml" && l != " M .gitignore" && l != "?? .gitignore" {
			t.Errorf("the project was changed: %s", l)
		}
	}
}

// row is the project's line in docs/tried.md.
func (r *tried) row(p project) string {
	names := make([]string, len(r.spec.Build.Binaries))
	for i, b := range r.spec.Build.Binaries {
		names[i] = b.Name
	}
	if len(names) > 4 {
		names = append(names[:3], fmt.Sprintf("and %d more", len(names)-3))
	}
	var variables []string
	for _, name := range slices.Sorted(maps.Keys(r.spec.Build.Variables)) {
		variables = append(variables, name[strings.LastIndexByte(name, '/')+1:])
	}
	version := strings.Join(variables, ", ")
	if version == "" && r.spec.Build.VCS == "on" {
		version = "Go's build information"
	}
	return fmt.Sprintf("| %s %s | %s | %s | %s | %s | %s |", p.name, p.version, strings.Join(names, ", "), r.leftOut(), sources(r.report), version, p.done)
}

// leftOut counts the programs that init left out.
func (r *tried) leftOut() string {
	n := 0
	inside := false
	for _, l := range strings.Split(r.report, "\n") {
		title := strings.TrimSpace(l[:min(len(l), 12)])
		inside = title == "left out" || inside && title == ""
		var more int
		if _, err := fmt.Sscanf(strings.TrimSpace(l), "and %d more", &more); inside && err == nil {
			n += more
		} else if inside {
			n++
		}
	}
	return fmt.Sprint(n)
}

// sources are the files that init took something from.
func sources(report string) string {
	var out []string
	inside := false
	for _, l := range strings.Split(report, "\n") {
		title := strings.TrimSpace(l[:min(len(l), 12)])
		inside = title == "taken from" || inside && title == ""
		if from, _, ok := strings.Cut(strings.TrimSpace(l[min(len(l), 12):]), ": "); inside && ok {
			out = append(out, from)
		}
	}
	return strings.Join(out, ", ")
}

const heading = "| project | programs | left out | taken from | version goes to | |\n| --- | --- | --- | --- | --- | --- |\n"

// table holds the rows against docs/tried.md, or writes them there.
func table(t *testing.T, rows map[string]string) {
	t.Helper()
	file := filepath.Join(formatstest.Root(t), "docs", "tried.md")
	before, lines, ok := strings.Cut(read(t, file), heading)
	if !ok {
		t.Fatalf("%s has no table", file)
	}
	old := strings.Split(strings.TrimRight(lines, "\n"), "\n")
	var out []string
	for _, p := range projects {
		row := rows[p.name]
		at := slices.IndexFunc(old, func(l string) bool { return strings.HasPrefix(l, "| "+p.name+" ") })
		switch {
		case row == "" && at >= 0:
			out = append(out, old[at])
		case row == "":
		case at < 0 || old[at] != row:
			if !*update {
				t.Errorf("docs/tried.md does not have\n%s", row)
			}
			out = append(out, row)
		default:
			out = append(out, row)
		}
	}
	if *update {
		write(t, filepath.Dir(file), "tried.md", before+heading+strings.Join(out, "\n")+"\n")
	}
}
