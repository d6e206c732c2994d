package winresource

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Demands are what an application manifest asks of Windows at the start of a
// program: without them it may not run, or run without its rights.
type Demands struct {
	// Level is requestedExecutionLevel: asInvoker, highestAvailable,
	// requireAdministrator, or empty.
	Level string
	// UIAccess is the attribute of that name.
	UIAccess bool
	// Dependencies are the assemblies that must be loaded, as name and version,
	// sorted, such as Microsoft.Windows.Common-Controls 6.0.0.0.
	Dependencies []string
	// DPI, LongPaths and UTF8 are settings that change how the program works,
	// as they stand in the manifest.
	DPI       string
	LongPaths bool
	UTF8      bool
}

// CommonControls is the dependency on version 6 of the common controls, as
// Demands lists it.
const CommonControls = "Microsoft.Windows.Common-Controls 6.0.0.0"

// MaxManifest bounds a manifest, in bytes.
const MaxManifest = 1 << 20

// ReadManifest reads the demands of a manifest. Errors are those of XML, and a
// size over MaxManifest.
func ReadManifest(b []byte) (Demands, error) {
	var out Demands
	if len(b) > MaxManifest {
		return out, fmt.Errorf("the manifest has %d bytes, more than %d", len(b), MaxManifest)
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimRight(b, "\x00")))
	var path []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			slices.Sort(out.Dependencies)
			return out, nil
		}
		if err != nil {
			return Demands{}, fmt.Errorf("reading the manifest: %v", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			out.element(t, path)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if len(path) > 0 {
				out.setting(path[len(path)-1], strings.TrimSpace(string(t)))
			}
		}
	}
}

func (d *Demands) element(t xml.StartElement, path []string) {
	get := func(name string) string {
		for _, a := range t.Attr {
			if a.Name.Local == name {
				return a.Value
			}
		}
		return ""
	}
	switch t.Name.Local {
	case "requestedExecutionLevel":
		d.Level, d.UIAccess = get("level"), get("uiAccess") == "true"
	case "assemblyIdentity":
		if slices.Contains(path, "dependentAssembly") {
			d.Dependencies = append(d.Dependencies, get("name")+" "+get("version"))
		}
	}
}

// setting takes the text of an element of windowsSettings ("Application
// manifests", Microsoft Learn).
func (d *Demands) setting(name, text string) {
	switch name {
	case "dpiAwareness":
		if text != "" {
			d.DPI = text
		}
	case "dpiAware":
		if d.DPI == "" {
			d.DPI = text
		}
	case "longPathAware":
		d.LongPaths = d.LongPaths || text == "true"
	case "activeCodePage":
		d.UTF8 = d.UTF8 || strings.EqualFold(text, "UTF-8")
	}
}
