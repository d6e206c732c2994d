package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/formats/catalog"
)

// cdfMembers is how many files makecat lists: enough for the start of two
// processes to count for little.
const cdfMembers = 2000

// besideMakecat makes a catalog from one definition file with this program and
// with Microsoft's makecat, where the Windows rig is up.
func (s *session) besideMakecat(ctx context.Context) error {
	script, why := rigScript(os.Getenv)
	if script == "" {
		s.table.note("makecat is not compared with: %s.", why)
		return nil
	}
	dir := filepath.Join(s.dir, "makecat")
	if err := writeDefinition(dir); err != nil {
		return err
	}
	made := removed(filepath.Join(dir, "t.cat"))
	all, err := s.inTurn(ctx, s.few(),
		command{args: []string{s.self, "catalog:make", "-cdf=t.cdf"}, dir: dir, clean: made},
		command{args: []string{script, "makecat", "t.cdf"}, dir: dir, clean: made})
	if err != nil {
		return err
	}
	perMember := func(u usage) float64 { return wall(u) / cdfMembers }
	s.table.compare(fmt.Sprintf("catalog of %d files from a .cdf: wall time for each", cdfMembers), of(all[0], perMember), of(all[1], perMember), 0, "makecat", duration)
	return nil
}

// rigScript is the rig's script if the rig is there and set up, else why not.
func rigScript(getenv func(string) string) (script, why string) {
	dir := getenv("HALLMARK_RIG")
	if dir == "" {
		dir = filepath.Join("..", "shared", "windows-rig")
	}
	script, err := filepath.Abs(filepath.Join(dir, "rig.sh"))
	if err != nil {
		return "", err.Error()
	}
	if _, err := os.Stat(script); err != nil {
		return "", "there is no Windows rig (HALLMARK_RIG names its folder)"
	}
	home := getenv("RIG")
	if home == "" {
		home = "/tmp/winerig" // rig.sh's own default
	}
	if up, err := filepath.Glob(filepath.Join(home, "prefix*", "drive_c", "rig", "makecat.exe")); err != nil || len(up) == 0 {
		return "", "the Windows rig is not set up (" + script + " setup)"
	}
	return script, ""
}

// writeDefinition makes small files in dir and a catalog definition file that
// lists them.
func writeDefinition(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	def := &catalog.CDF{Name: "t.cat", Version: catalog.V2}
	for i := range cdfMembers {
		name := fmt.Sprintf("file%04d.txt", i)
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, "file %d\n", i), 0o644); err != nil {
			return err
		}
		def.Files = append(def.Files, catalog.CDFFile{Label: "<HASH>" + name, Path: name})
	}
	text, err := def.Marshal()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "t.cdf"), text, 0o644)
}
