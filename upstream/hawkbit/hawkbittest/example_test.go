package hawkbittest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"havn/upstream/hawkbit/hawkbittest"
)

// A server with one target that is to run new firmware.
func Example() {
	server := hawkbittest.New(hawkbittest.Config{GatewayToken: "token"})
	front := httptest.NewServer(server)
	defer front.Close()
	id := server.Assign(hawkbittest.Assignment{
		Controller: "sensor-1", Modules: hawkbittest.Firmware("2.0", "fw.bin", []byte("firmware")),
	})

	req, _ := http.NewRequest(http.MethodGet, front.URL+"/DEFAULT/controller/v1/sensor-1", nil)
	req.Header.Set("Authorization", "GatewayToken token")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, server.Action(id).Status)
	// Output: 200 OK RUNNING
}
