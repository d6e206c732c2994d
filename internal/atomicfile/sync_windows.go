package atomicfile

// syncDir does nothing: Windows has no call to sync a folder, and NTFS
// journals the rename.
func syncDir(string) error { return nil }
