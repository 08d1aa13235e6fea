package block_test

import (
	"fmt"

	"havn/coap/block"
)

// A device asks for block 2 of 1024 bytes, and the server has a limit of 256.
func Example() {
	v, err := block.Parse([]byte{0x26})
	if err != nil {
		panic(err)
	}
	v = v.Within(block.ForSize(256))
	fmt.Println(v.NUM, v.SZX.Size(), v.Offset())
	// Output: 8 256 2048
}
