package gateway

import (
	"context"

	"havn/dfu"
	"havn/firmware"
	"havn/update/desired"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/oci"
)

// Kinds are the kinds of firmware source: what a spec may name. Images of
// registries come first, as their keys are their names alone.
var Kinds = firmware.Kinds{oci.Kind, file.Kind, hawkbit.Kind}

// openRegistries makes the source of images in OCI registries.
func (g *Gateway) openRegistries() error {
	registries, err := oci.New(g.cfg.Firmware.Config)
	if err != nil {
		return err
	}
	g.sources[oci.Kind.Name] = registries
	g.closes = append(g.closes, registries.Close)
	return nil
}

// openFiles makes the source of files, and the rule for a local file.
func (g *Gateway) openFiles(local *LocalFile) error {
	files := file.New(g.cfg.Firmware.File)
	g.sources[file.Kind.Name] = files
	if local == nil {
		return nil
	}
	files.Add(localName, local.Path, local.Version)
	spec := file.Ref{Name: localName}.Spec()
	g.local = []desired.Rule{{Spec: spec}}
	_, err := files.Resolve(context.Background(), dfu.Device{}, spec)
	return err
}

// openHawkbit makes the source of hawkBit, which is told how updates end.
func (g *Gateway) openHawkbit() error {
	if g.cfg.Firmware.Hawkbit.URL == "" {
		return nil
	}
	source, err := hawkbit.New(g.cfg.Firmware.Hawkbit, g.store.Documents(), g.log)
	if err != nil {
		return err
	}
	g.sources[hawkbit.Kind.Name] = source
	g.closes, g.meters = append(g.closes, source.Close), append(g.meters, source)
	desires := func(dev dfu.Device) (firmware.Spec, error) { return g.desired.Desired(dev) } // made later
	g.publishers = append(g.publishers, hawkbit.NewPublisher(source, desires))
	return nil
}
