package drogue

import (
	"encoding/json"
	"fmt"
	"time"

	"havn/link"
)

// Timeout bounds a request to Drogue Cloud, to the last byte of its answer.
const Timeout = 30 * time.Second

// APIError is the body of Drogue Cloud's error answers.
type APIError struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

// Said reads what Drogue Cloud said, and adds it to the error for the operator. It
// returns the zero APIError where it was somebody else who answered.
func Said(status *link.StatusError) (APIError, error) {
	var e APIError
	if json.Unmarshal(status.Body, &e) != nil || e.Code == "" {
		return APIError{}, status
	}
	return e, fmt.Errorf("%w, %s (%.200s)", status, e.Code, e.Message)
}
