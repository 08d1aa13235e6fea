package config

import (
	"fmt"
	"io"
	"os"
	"time"

	"havn/cache"
	"havn/coap"
	"havn/fault"
	fronthttp "havn/front/http"
	"havn/front/mqtt"
	"havn/gateway/admin"
	"havn/lorawan"
	"havn/update"
	"havn/update/row"
	"havn/upstream/drogue"
	"havn/upstream/file"
	"havn/upstream/hawkbit"
	"havn/upstream/jsonl"
	"havn/upstream/oci"
	"havn/upstream/spool"
)

// Config is the whole configuration. Its fields are the keys of the file, in
// the order in which they are printed.
type Config struct {
	Log      Log              `yaml:"log"`
	Data     string           `yaml:"data"` // directory of ledger, device rows and disk cache
	Admin    admin.Config     `yaml:"admin"`
	CoAP     coap.Config      `yaml:"coap"`
	HTTP     fronthttp.Config `yaml:"http"`
	MQTT     mqtt.Config      `yaml:"mqtt"`
	Chunks   Chunks           `yaml:"chunks"`
	LoRaWAN  LoRaWAN          `yaml:"lorawan"`
	Firmware Firmware         `yaml:"firmware"`
	Cache    cache.Config     `yaml:"cache"`
	Update   update.Config    `yaml:"update"`
	Upstream Upstream         `yaml:"upstream"`
	Devices  Devices          `yaml:"devices"`
}

// Log says how the gateway logs, to standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn or error
	Format string `yaml:"format"` // text or json
}

// Chunks says how firmware is cut, for each protocol.
type Chunks struct {
	CoAP    coap.Chunks      `yaml:"coap"`
	HTTP    fronthttp.Chunks `yaml:"http"`
	MQTT    mqtt.Chunks      `yaml:"mqtt"`
	LoRaWAN lorawan.Chunks   `yaml:"lorawan"`
}

// LoRaWAN says which network servers are answered.
type LoRaWAN struct {
	Shard    lorawan.Shard    `yaml:"shard"` // where several gateways are on one broker
	Networks []lorawan.Config `yaml:"networks"`
}

// Firmware says where firmware comes from and which device runs what.
type Firmware struct {
	oci.Config `yaml:",inline"`

	Refresh time.Duration  `yaml:"refresh"` // how often tags and desired firmware are looked up again
	File    file.Config    `yaml:"file"`
	Hawkbit hawkbit.Config `yaml:"hawkbit"`
	Desired []Rule         `yaml:"desired"` // first match wins
}

// Upstream says which cloud tells the gateway what is desired, and where events go.
type Upstream struct {
	Drogue  drogue.Config `yaml:"drogue"`
	Spool   spool.Config  `yaml:"spool"`
	Forward row.Pace      `yaml:"forward"`
	File    jsonl.Config  `yaml:"file"`
}

// Devices bounds the table of devices.
type Devices struct {
	Max int `yaml:"max"` // rows; 1..10,000,000
}

// Default returns the configuration of an empty file.
func Default() Config {
	return Config{
		Log:   Log{Level: "info", Format: "text"},
		Data:  "./data",
		Admin: admin.Config{Listen: "127.0.0.1:8080"},
		CoAP:  coap.Config{Listen: ":5683"}.WithDefaults(),
		Chunks: Chunks{
			CoAP:    coap.Chunks{}.WithDefaults(),
			HTTP:    fronthttp.Chunks{}.WithDefaults(),
			MQTT:    mqtt.Chunks{}.WithDefaults(),
			LoRaWAN: lorawan.Chunks{}.WithDefaults(),
		},
		LoRaWAN: LoRaWAN{Shard: lorawan.Shard{Of: 1}},
		Firmware: Firmware{
			Refresh: time.Minute,
			Hawkbit: hawkbit.Config{}.WithDefaults(),
		},
		Cache: cache.Config{}.WithDefaults(),
		Update: update.Config{
			Poll:            5 * time.Minute,
			Retry:           5 * time.Second,
			MaxVersion:      16,
			UnknownInFlight: update.InFlightWait,
			Abandon:         30 * day,
		},
		Upstream: Upstream{
			Drogue:  drogue.Config{Channel: "firmware", Registry: drogue.RegistryConfig{Refresh: time.Minute}},
			Spool:   spool.Config{Size: spool.DefaultSize},
			Forward: row.Pace{ProgressEvery: 5, MinInterval: 10 * time.Second},
		},
		Devices: Devices{Max: 100_000},
	}
}

// MaxBytes bounds a configuration file.
const MaxBytes = 1 << 20

// Load reads the configuration file at path. Its error is [Problems] if the
// file could be read but is not accepted.
func Load(path string) (Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a configuration. Errors call the file by name. A key that data
// leaves out has the value of [Default]. The error is [Problems] with all mistakes.
func Parse(name string, data []byte) (Config, error) {
	c := Default()
	if err := decode(name, data, &c, func() fault.List { return c.Validate() }); err != nil {
		return Config{}, err
	}
	return c, nil
}
