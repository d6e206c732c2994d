package submission

import "fmt"

// MaxUpload is the largest file the form takes, in bytes
// (https://learn.microsoft.com/defender-endpoint/admin-submissions-mde).
const MaxUpload = 500 << 20

// Fields are the entries of the form, one key for each of its fields, in the
// order in which the form asks.
type Fields struct {
	Form                 string   `json:"form"`
	Persona              string   `json:"persona"`
	Product              string   `json:"security_product"`
	Company              string   `json:"company_name"`
	SupportCase          string   `json:"support_case_number"`
	File                 string   `json:"file"`
	FileSHA256           string   `json:"file_sha256"`
	RemoveAtDate         string   `json:"remove_file_at_date"`
	Belief               string   `json:"what_do_you_believe_this_file_is"`
	Detection            string   `json:"detection_name"`
	DefinitionVersion    string   `json:"definition_version"`
	AdditionalInfoFile   string   `json:"additional_information_file"`
	AdditionalInfoLength int      `json:"additional_information_characters"`
	Ready                bool     `json:"ready_to_submit"`
	NotReady             []string `json:"not_ready_because,omitempty"`
}

// NewFields fills the form for a program that its developer believes to be
// detected by mistake. Path is where the file is, relative to the project.
func NewFields(f Facts, product, supportCase, path string, textLength int) (Fields, error) {
	if f.Size > MaxUpload {
		return Fields{}, fmt.Errorf("%s has %d bytes; the submission form takes at most %d", f.FileName, f.Size, MaxUpload)
	}
	return Fields{
		Form:                 "https://www.microsoft.com/wdsi/filesubmission?persona=SoftwareDeveloper",
		Persona:              "Software developer",
		Product:              product,
		Company:              f.Company,
		SupportCase:          supportCase,
		File:                 path,
		FileSHA256:           f.SHA256,
		RemoveAtDate:         "No",
		Belief:               "Incorrectly detected as malware/malicious",
		Detection:            f.Detection,
		DefinitionVersion:    f.DefinitionVersion,
		AdditionalInfoFile:   "additional-information.txt",
		AdditionalInfoLength: textLength,
		Ready:                len(f.Warnings) == 0,
		NotReady:             f.Warnings,
	}, nil
}
