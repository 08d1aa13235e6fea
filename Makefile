# make test is the whole check; the other targets are its parts.
GO ?= go
GOLANGCI_LINT = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 5s
PEERS = libcoap3-bin docker-registry firmware-microbit-micropython mosquitto \
	mosquitto-clients python3-paho-mqtt

.PHONY: test peers check race fuzz bench build cross

test:
	@MAKE='$(MAKE)' sh scripts/parts.sh peers check race fuzz

# The real protocol peers of the tests. Their daemons are kept from starting.
peers:
	@sh scripts/peers.sh $(PEERS)

# The linters are those of .golangci.yml; the sizes and imports of the house are tests of package gateway.
check:
	@echo "== gofmt"; unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "$$unformatted"; exit 1; }
	@echo "== golangci-lint"; $(GOLANGCI_LINT) run ./...

race:
	@echo "== go test -race"; $(GO) test -race ./...

# Every fuzz target of every package, FUZZTIME each.
fuzz:
	@echo "== fuzz ($(FUZZTIME) each)"; sh scripts/fuzz.sh $(FUZZTIME)

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/gateway ./cmd/gateway

# For the boxes that stand at sites. The tests compile for 32 bits too.
cross:
	@for arch in arm arm64 mipsle; do echo "== linux/$$arch"; \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -o bin/gateway-$$arch ./cmd/gateway || exit 1; done
	@echo "== go vet linux/arm"; GOARCH=arm $(GO) vet ./...
