package dfu_test

import (
	"fmt"

	"havn/dfu"
)

// A device over LoRaWAN asks for the next block; the answer has 51 bytes.
func Example() {
	report := dfu.Status{
		Version:  []byte("0.1.0"),
		Updating: true,
		Update:   dfu.Progress{Version: []byte("0.1.1"), Offset: 36},
	}.Append(nil)

	status, err := dfu.ParseStatus(report)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := dfu.Command{
		Op:            dfu.OpWrite,
		Version:       status.Update.Version,
		CorrelationID: status.CorrelationID,
		Offset:        status.Update.Offset,
	}
	image := make([]byte, 1000)
	answer.Data = image[answer.Offset:][:answer.MaxData(51)]

	fmt.Printf("%v %s at %d: %d bytes of firmware in %d\n",
		answer.Op, answer.Version, answer.Offset, len(answer.Data), len(answer.Append(nil)))
	// Output: write 0.1.1 at 36: 37 bytes of firmware in 51
}

func ExampleParseStatus_malformed() {
	_, err := dfu.ParseStatus([]byte{0xa1, 0x00, 0x65, '0', '.', '1', '.', '0'})
	fmt.Println(err)
	// Output: malformed update message: byte 2: version: want a byte string, found a text string
}
