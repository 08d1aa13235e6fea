package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValidate(t *testing.T) {
	tests := map[string]struct{ yaml, want string }{
		"three mistakes": {`
log: {level: loud}
chunks:
  coap:
    block_size: 100
cahce:
  memory: 1GiB
`, `
f.yaml:1:14: log.level: "loud": want debug, info, warn or error
   1 | log: {level: loud}
     |              ^
f.yaml:4:17: chunks.coap.block_size: 100 is not a block size: want 16, 32, 64, 128, 256, 512 or 1024
   4 |     block_size: 100
     |                 ^
f.yaml:5:1: cahce: unknown key: did you mean cache?
   5 | cahce:
     | ^`},
		"features not built": {`
coap:
  dtls: {listen: ":5684"}
`, `
f.yaml:2:3: coap.dtls: unknown key: want listen, readers or application
   2 |   dtls: {listen: ":5684"}
     |   ^`},
		"log": {`log: {format: xml}`, `
f.yaml:1:15: log.format: "xml": want text or json
   1 | log: {format: xml}
     |               ^`},
		"data": {`data: ""`, `
f.yaml:1:7: data: must not be empty
   1 | data: ""
     |       ^`},
		"no port": {`admin: {listen: localhost}`, `
f.yaml:1:17: admin.listen: "localhost": want HOST:PORT or :PORT, with a port from 0 to 65535, or "" for off
   1 | admin: {listen: localhost}
     |                 ^`},
		"port": {`coap: {listen: ":65536"}`, `
f.yaml:1:16: coap.listen: ":65536": want HOST:PORT or :PORT, with a port from 0 to 65535, or "" for off
   1 | coap: {listen: ":65536"}
     |                ^`},
		"named port": {`coap: {listen: "[::]:coap"}`, `
f.yaml:1:16: coap.listen: "[::]:coap": want HOST:PORT or :PORT, with a port from 0 to 65535, or "" for off
   1 | coap: {listen: "[::]:coap"}
     |                ^`},
		"half of TLS": {"admin:\n  certificate: f.yaml", `
f.yaml:2:16: admin.certificate: file "f.yaml" cannot be read: no such file or directory
   2 |   certificate: f.yaml
     |                ^
f.yaml:2:16: admin.certificate: set together with key, which is empty
   2 |   certificate: f.yaml
     |                ^`},
		"pasted key": {"admin:\n  token_file: |\n    abc\n    def\n", `
f.yaml:2:15: admin.token_file: want the path of a file, not its content
   2 |   token_file: |
     |               ^`},
		"directory": {`admin: {token_file: /}`, `
f.yaml:1:21: admin.token_file: / is a directory: want a file
   1 | admin: {token_file: /}
     |                     ^`},
		"readers": {`coap: {readers: 65}`, `
f.yaml:1:17: coap.readers: 65: want 0 to 64
   1 | coap: {readers: 65}
     |                 ^`},
		"application": {`coap: {application: a/b}`, `
f.yaml:1:21: coap.application: "a/b": want names of 1 to 255 bytes, UTF-8, without /
   1 | coap: {application: a/b}
     |                     ^`},
		"block sizes": {`chunks: {coap: {block_size: 2048, write_size: 0, align: 3}}`, `
f.yaml:1:29: chunks.coap.block_size: 2048 is not a block size: want 16, 32, 64, 128, 256, 512 or 1024
   1 | chunks: {coap: {block_size: 2048, write_size: 0, align: 3}}
     |                             ^
f.yaml:1:47: chunks.coap.write_size: 0: want 1 to 1024
   1 | chunks: {coap: {block_size: 2048, write_size: 0, align: 3}}
     |                                               ^
f.yaml:1:57: chunks.coap.align: 3 is not a flash word: want 1, 2, 4, 8, 16, 32, 64, 128 or 256 bytes
   1 | chunks: {coap: {block_size: 2048, write_size: 0, align: 3}}
     |                                                         ^`},
		"write size and align": {`chunks: {coap: {write_size: 2}}`, `
f.yaml:1:29: chunks.coap.write_size: 2 is less than align, which is 4: a chunk is at least one flash word
   1 | chunks: {coap: {write_size: 2}}
     |                             ^`},
		"profile": {`
chunks:
  coap:
    profiles:
      - subnet: fd00::/129
        application: "[a"
        block_size: 48
      - align: 256
        write_size: 64
`, `
f.yaml:4:17: chunks.coap.profiles[0].subnet: "fd00::/129" is not a subnet: want an address and the length of its prefix, like fd00:abcd::/64 or 10.1.0.0/16
   4 |       - subnet: fd00::/129
     |                 ^
f.yaml:5:22: chunks.coap.profiles[0].application: "[a" is no pattern: a [ is not closed, or a \ stands at the end
   5 |         application: "[a"
     |                      ^
f.yaml:6:21: chunks.coap.profiles[0].block_size: 48 is not a block size: want 16, 32, 64, 128, 256, 512 or 1024
   6 |         block_size: 48
     |                     ^
f.yaml:8:21: chunks.coap.profiles[1].write_size: 64 is less than align, which is 256: a chunk is at least one flash word
   8 |         write_size: 64
     |                     ^`},
		"registries": {`
firmware:
  registries:
    - username: u
    - host: https://registry.example
    - {host: a.example, plain_http: true, ca: /nonexistent}
    - {host: a.example}
`, `
f.yaml:3:7: firmware.registries[0].host: must not be empty
   3 |     - username: u
     |       ^
f.yaml:3:17: firmware.registries[0].username: set together with password_file, which is empty
   3 |     - username: u
     |                 ^
f.yaml:4:13: firmware.registries[1].host: "https://registry.example": want HOST or HOST:PORT without a scheme; plain_http turns TLS off
   4 |     - host: https://registry.example
     |             ^
f.yaml:5:47: firmware.registries[2].ca: file "/nonexistent" cannot be read: no such file or directory
   5 |     - {host: a.example, plain_http: true, ca: /nonexistent}
     |                                               ^
f.yaml:5:47: firmware.registries[2].ca: not used with plain_http: leave out one of them
   5 |     - {host: a.example, plain_http: true, ca: /nonexistent}
     |                                               ^
f.yaml:6:14: firmware.registries[3].host: a.example is listed already, as registries[2]
   6 |     - {host: a.example}
     |              ^`},
		"what the registry client refuses": {`firmware: {prefix: no-host/x}`, `
f.yaml:1:20: firmware.prefix: "no-host/x": want HOST or HOST/NAME
   1 | firmware: {prefix: no-host/x}
     |                    ^`},
		"missing authority": {`firmware: {registries: [{host: a.example, ca: /nonexistent}]}`, `
f.yaml:1:47: firmware.registries[0].ca: file "/nonexistent" cannot be read: no such file or directory
   1 | firmware: {registries: [{host: a.example, ca: /nonexistent}]}
     |                                               ^`},
		"allow": {`firmware: {allow: [a/*, "b/["]}`, `
f.yaml:1:25: firmware.allow[1]: "b/[" is no pattern: a [ is not closed, or a \ stands at the end
   1 | firmware: {allow: [a/*, "b/["]}
     |                         ^`},
		"desired": {`
firmware:
  desired:
    - device: "*"
    - container: {image: a.example/b:1}
      file: {name: b}
    - file: {name: b}
    - container: {image: a.example/b:1, imagePullPolicy: Never}
    - containre: {image: a.example/b:1}
    - hawkbit: {controller: d}
    - hawkbit: {controller: ..}
`, `
f.yaml:3:7: firmware.desired[0]: name exactly one of container, file and hawkbit
   3 |     - device: "*"
     |       ^
f.yaml:4:7: firmware.desired[1]: name exactly one of container, file and hawkbit
   4 |     - container: {image: a.example/b:1}
     |       ^
f.yaml:6:13: firmware.desired[2].file: firmware.file.directory is empty: set it to the directory of b.bin
   6 |     - file: {name: b}
     |             ^
f.yaml:7:7: firmware.desired[3]: imagePullPolicy "Never": want IfNotPresent or Always
   7 |     - container: {image: a.example/b:1, imagePullPolicy: Never}
     |       ^
f.yaml:8:7: firmware.desired[4].containre: unknown key: did you mean container?
   8 |     - containre: {image: a.example/b:1}
     |       ^
f.yaml:9:16: firmware.desired[5].hawkbit: firmware.hawkbit.url is empty: set it to the server of controller d
   9 |     - hawkbit: {controller: d}
     |                ^
f.yaml:10:7: firmware.desired[6]: hawkbit.controller "..": no controller has this ID
  10 |     - hawkbit: {controller: ..}
     |       ^`},
		"hawkbit": {`
firmware:
  hawkbit: {url: "h.example:8080", artifact: "["}
`, `
f.yaml:2:18: firmware.hawkbit.url: "h.example:8080": want https:// or http://HOST[:PORT]
   2 |   hawkbit: {url: "h.example:8080", artifact: "["}
     |                  ^
f.yaml:2:46: firmware.hawkbit.artifact: "[" is no pattern: a [ is not closed, or a \ stands at the end
   2 |   hawkbit: {url: "h.example:8080", artifact: "["}
     |                                              ^`},
		"hawkbit url": {`firmware: {hawkbit: {url: "h.example:8080"}}`, `
f.yaml:1:27: firmware.hawkbit.url: "h.example:8080": want https:// or http://HOST[:PORT]
   1 | firmware: {hawkbit: {url: "h.example:8080"}}
     |                           ^`},
		"hawkbit tokens": {`
firmware:
  hawkbit:
    url: "https://h.example"
    gateway_token_file: validate.go
    target_token_file: validate.go
`, `
f.yaml:5:24: firmware.hawkbit.target_token_file: give this or gateway_token_file, not both
   5 |     target_token_file: validate.go
     |                        ^`},
		"hawkbit without a server": {`firmware: {hawkbit: {gateway_token_file: validate.go}}`, `
f.yaml:1:21: firmware.hawkbit.url: "": want https:// or http://HOST[:PORT]
   1 | firmware: {hawkbit: {gateway_token_file: validate.go}}
     |                     ^`},
		"hawkbit files": {`firmware: {hawkbit: {url: "https://h.example", gateway_token_file: /none, ca: /none}}`, `
f.yaml:1:68: firmware.hawkbit.gateway_token_file: file "/none" cannot be read: no such file or directory
   1 | firmware: {hawkbit: {url: "https://h.example", gateway_token_file: /none, ca: /none}}
     |                                                                    ^
f.yaml:1:79: firmware.hawkbit.ca: file "/none" cannot be read: no such file or directory
   1 | firmware: {hawkbit: {url: "https://h.example", gateway_token_file: /none, ca: /none}}
     |                                                                               ^`},
		"durations": {"update: {poll: 999ms, retry: 366d, abandon: 0s}\nfirmware: {refresh: -1s}\n", `
f.yaml:1:16: update.poll: 999ms: want 1s to 365d
   1 | update: {poll: 999ms, retry: 366d, abandon: 0s}
     |                ^
f.yaml:1:30: update.retry: 366d: want 1s to 365d
   1 | update: {poll: 999ms, retry: 366d, abandon: 0s}
     |                              ^
f.yaml:1:45: update.abandon: 0s: want more than 0
   1 | update: {poll: 999ms, retry: 366d, abandon: 0s}
     |                                             ^
f.yaml:2:21: firmware.refresh: -1s: want more than 0
   2 | firmware: {refresh: -1s}
     |                     ^`},
		"update": {`update: {max_version: 65, unknown_in_flight: panic}`, `
f.yaml:1:23: update.max_version: 65: want 1 to 64
   1 | update: {max_version: 65, unknown_in_flight: panic}
     |                       ^
f.yaml:1:46: update.unknown_in_flight: "panic": want wait or restart
   1 | update: {max_version: 65, unknown_in_flight: panic}
     |                                              ^`},
		"cache and devices": {"cache: {memory: 0, disk: 0B, lease: 0s}\ndevices: {max: 0}", `
f.yaml:1:17: cache.memory: 0: want more than 0
   1 | cache: {memory: 0, disk: 0B, lease: 0s}
     |                 ^
f.yaml:1:26: cache.disk: 0: want more than 0
   1 | cache: {memory: 0, disk: 0B, lease: 0s}
     |                          ^
f.yaml:1:37: cache.lease: 0s: want more than 0
   1 | cache: {memory: 0, disk: 0B, lease: 0s}
     |                                     ^
f.yaml:2:16: devices.max: 0: want 1 to 10000000
   2 | devices: {max: 0}
     |                ^`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(strings.TrimPrefix(tt.yaml, "\n")))
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValidateUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads every file")
	}
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	_, err := Parse("f.yaml", []byte("admin: {token_file: "+name+"}"))
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v", err)
	}
}
