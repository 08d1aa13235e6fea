package ddi

import (
	"encoding/json"
	"fmt"
)

// Text is a JSON string or number: servers differ in how they write IDs.
type Text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	if b[0] != '"' {
		var n json.Number
		err := json.Unmarshal(b, &n)
		*t = Text(n)
		return err
	}
	return json.Unmarshal(b, (*string)(t))
}

// Poll is the base resource of a controller: what the server offers it now.
type Poll struct {
	Config struct {
		Polling struct {
			Sleep Text `json:"sleep"`
		} `json:"polling"`
	} `json:"config"`
	Links Links `json:"_links"`

	etag string // of this answer
}

// Relations of Poll.Links. A server offers at most one of the first three.
const (
	DeploymentBase   = "deploymentBase"   // an action to be installed
	CancelAction     = "cancelAction"     // an action to be given up
	ConfirmationBase = "confirmationBase" // an action that waits for the device's consent
	InstalledBase    = "installedBase"    // the last action that was installed
	ConfigData       = "configData"       // the server wants attributes
)

// Cancel is a cancelAction resource.
type Cancel struct {
	CancelAction struct {
		StopID Text `json:"stopId"` // the action to be given up
	} `json:"cancelAction"`
}

// Deployment is a deploymentBase or installedBase resource.
type Deployment struct {
	Deployment struct {
		Download string  `json:"download"`          // Skip, "attempt" or "forced"
		Update   string  `json:"update"`            // Skip, "attempt" or "forced"
		Window   string  `json:"maintenanceWindow"` // "available", Unavailable; empty = no window
		Chunks   []Chunk `json:"chunks"`
	} `json:"deployment"`
}

// Words of a deployment that say: not now.
const (
	Skip        = "skip"        // Download, Update
	Unavailable = "unavailable" // Window
)

// Chunk is a software module.
type Chunk struct {
	Part      string     `json:"part"` // type of the module
	Version   Text       `json:"version"`
	Name      string     `json:"name"`
	Artifacts []Artifact `json:"artifacts"`
}

// Artifact is a file of a software module.
type Artifact struct {
	Filename string `json:"filename"`
	Hashes   struct {
		SHA256 string `json:"sha256"` // hexadecimal; empty where the server computed none
	} `json:"hashes"`
	Size  int64 `json:"size"` // bytes
	Links Links `json:"_links"`
}

// problem is the body of most errors.
type problem struct {
	ErrorCode string `json:"errorCode"`
}

// parse reads a JSON object and ignores keys that are unknown. What does not
// parse comes from something else than the server.
func parse[T any](b []byte) (T, error) {
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("the server's answer is not of the DDI API: %w", err)
	}
	return v, nil
}
