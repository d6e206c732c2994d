package command

import (
	"os"
	"strconv"
)

// parentExecutable returns the path of the program that started this one.
func parentExecutable() string {
	path, err := os.Readlink("/proc/" + strconv.Itoa(os.Getppid()) + "/exe")
	if err != nil {
		return ""
	}
	return path
}
