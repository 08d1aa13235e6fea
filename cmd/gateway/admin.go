package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"havn/dfu"
)

// admin is the API of a running gateway, as the commands use it.
type admin struct{ url, tokenFile string }

// flags adds the flags that say where the gateway is.
func (a *admin) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.url, "admin", "http://127.0.0.1:8080", "`URL` of the gateway's admin HTTP")
	cmd.Flags().StringVar(&a.tokenFile, "token-file", "", "`FILE` with the admin token")
}

// adminTimeout bounds one call; an assignment may ask the registry first.
const adminTimeout = 30 * time.Second

// call does one request. in and out may be nil.
func (a *admin) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.url, "/")+path, &body)
	if err != nil {
		return usageError{err}
	}
	if err := a.authorize(req); err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%w; is the gateway running there? see --admin", err)
	}
	defer resp.Body.Close()
	return decodeAnswer(resp, out)
}

func (a *admin) authorize(req *http.Request) error {
	if a.tokenFile == "" {
		return nil
	}
	token, err := os.ReadFile(a.tokenFile)
	if err != nil {
		return usageError{err}
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return nil
}

// maxAnswer bounds what is read of one answer: a page of a thousand devices
// takes a tenth of it.
const maxAnswer = 16 << 20

func decodeAnswer(resp *http.Response, out any) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 {
		var refusal struct{ Error string }
		if json.Unmarshal(data, &refusal) != nil || refusal.Error == "" {
			refusal.Error = resp.Status
		}
		return errors.New(refusal.Error)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// devicePath returns the API path of APP/DEVICE.
func devicePath(arg string) (string, error) {
	dev, err := parseDevice(arg)
	if err != nil {
		return "", err
	}
	return "/api/v1/devices/" + url.PathEscape(dev.Application) + "/" + url.PathEscape(dev.Name), nil
}

func parseDevice(arg string) (dfu.Device, error) {
	app, name, ok := strings.Cut(arg, "/")
	if !ok || app == "" || name == "" || strings.Contains(name, "/") {
		return dfu.Device{}, usageError{fmt.Errorf("%q: want APPLICATION/DEVICE", arg)}
	}
	return dfu.Device{Application: app, Name: name}, nil
}
