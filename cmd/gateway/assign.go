package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"havn/firmware"
)

func newAssign() *cobra.Command {
	return deviceCommand("assign APP/DEVICE IMAGE", "Set the desired firmware of a device",
		"IMAGE is HOST/NAME:TAG in a registry, file:NAME in the firmware directory, or\n"+
			"hawkbit:CONTROLLER for whatever hawkBit assigns to that controller.\n"+
			"DEVICE may be * for all devices of the application that have nothing of their own.",
		2, func(a *admin, cmd *cobra.Command, path string, args []string) error {
			return a.call(cmd.Context(), http.MethodPut, path+"/desired", parseImage(args[1]), nil)
		})
}

func newUnassign() *cobra.Command {
	return deviceCommand("unassign APP/DEVICE", "Take an assignment back", "", 1,
		func(a *admin, cmd *cobra.Command, path string, _ []string) error {
			return a.call(cmd.Context(), http.MethodDelete, path+"/desired", nil, nil)
		})
}

func newRetry() *cobra.Command {
	return deviceCommand("retry APP/DEVICE", "Let a failed device try its update again", "", 1,
		func(a *admin, cmd *cobra.Command, path string, _ []string) error {
			return a.call(cmd.Context(), http.MethodPost, path+"/retry", nil, nil)
		})
}

func newForget() *cobra.Command {
	return deviceCommand("forget APP/DEVICE", "Drop what is known of a device",
		"A device that is alive appears again with its next report.", 1,
		func(a *admin, cmd *cobra.Command, path string, _ []string) error {
			return a.call(cmd.Context(), http.MethodDelete, path, nil, nil)
		})
}

// deviceCommand is a command on one device of a running gateway.
func deviceCommand(use, short, long string, args int,
	do func(a *admin, cmd *cobra.Command, path string, args []string) error,
) *cobra.Command {
	var a admin
	cmd := &cobra.Command{
		Use: use, Short: short, Long: strings.TrimSpace(short + ".\n\n" + long), Args: exactly(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := devicePath(args[0])
			if err != nil {
				return err
			}
			if err := do(&a, cmd, path, args); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", args[0], cmd.Name()+" done")
			return err
		},
	}
	a.flags(cmd)
	return cmd
}

// parseImage reads file:NAME and hawkbit:CONTROLLER, and everything else as an
// image reference.
func parseImage(image string) firmware.Spec {
	if name, ok := strings.CutPrefix(image, "file:"); ok {
		return firmware.Spec{File: &firmware.FileSpec{Name: name}}
	}
	if id, ok := strings.CutPrefix(image, "hawkbit:"); ok {
		return firmware.Spec{Hawkbit: &firmware.HawkbitSpec{Controller: id}}
	}
	return firmware.Spec{Container: &firmware.ContainerSpec{Image: image}}
}
