package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"havn/cmd/gateway/cli"
	"havn/dfu"
	"havn/gateway/admin/api"
	"havn/link"
)

// admin is where a running gateway is, as the flags say.
type admin struct{ url, tokenFile string }

// flags adds the flags that say where the gateway is.
func (a *admin) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.url, "admin", "http://127.0.0.1:8080", "`URL` of the gateway's admin HTTP")
	cmd.Flags().StringVar(&a.tokenFile, "token-file", "", "`FILE` with the admin token")
}

// ask calls do with a client of the gateway.
func (a *admin) ask(ctx context.Context, do func(context.Context, *api.Client) error) error {
	u, err := url.Parse(a.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return cli.Usagef("--admin %q: want http:// or https://HOST[:PORT]", a.url)
	}
	token := link.File{Key: "--token-file", Path: a.tokenFile}
	if _, err := token.Token(); err != nil {
		return cli.Usage(err)
	}
	client, err := api.NewClient(a.url, token)
	if err != nil {
		return err
	}
	defer client.Close()
	err = do(ctx, client)
	if err == nil || errors.As(err, new(*api.Refused)) {
		return err
	}
	return fmt.Errorf("%w; is the gateway running there? see --admin", err)
}

// parseDevice reads APPLICATION/DEVICE.
func parseDevice(arg string) (dfu.Device, error) {
	app, name, ok := strings.Cut(arg, "/")
	if !ok || app == "" || name == "" || strings.Contains(name, "/") {
		return dfu.Device{}, cli.Usagef("%q: want APPLICATION/DEVICE", arg)
	}
	return dfu.Device{Application: app, Name: name}, nil
}
