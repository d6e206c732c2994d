package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
)

// outputs are the folders that a release writes and that do not belong into a
// repository.
var outputs = []string{"dist/", ".hallmark/"}

// ignore adds the outputs to the .gitignore of a repository unless they are
// there, and returns those it added. What is there stays as it is.
func ignore(root string, repository bool) ([]string, error) {
	name := filepath.Join(root, ".gitignore")
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading .gitignore: %w", err)
	}
	if err != nil && !repository {
		return nil, nil
	}
	text := string(b)
	end := "\n"
	if strings.Contains(text, "\r\n") {
		end = "\r\n"
	}
	var added []string
	for _, folder := range outputs {
		if !ignores(text, folder) {
			added = append(added, folder)
		}
	}
	if len(added) == 0 {
		return nil, nil
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += end
	}
	mode := fs.FileMode(0o644)
	if st, err := os.Stat(name); err == nil {
		mode = st.Mode().Perm()
	}
	return added, atomicfile.Write(name, []byte(text+strings.Join(added, end)+end), mode)
}

// ignores reports whether a line names the folder at the root, in one of the
// ways to write it.
func ignores(text, folder string) bool {
	bare := strings.TrimSuffix(folder, "/")
	return slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool {
		l = strings.TrimPrefix(strings.TrimRight(l, " \t\r"), "/")
		return l == bare || l == bare+"/" || l == bare+"/*" || l == bare+"/**" || l == "**/"+bare || l == "**/"+bare+"/"
	})
}
