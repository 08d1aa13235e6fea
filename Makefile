# make test is the whole check; the other targets are its parts.
GO ?= go
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 10s
PEERS = libcoap3-bin docker-registry firmware-microbit-micropython mosquitto \
	mosquitto-clients python3-paho-mqtt

.PHONY: test peers check race fuzz bench build

test: peers check race fuzz

# The real protocol peers of the tests. Their daemons are kept from starting.
peers:
	@sh scripts/peers.sh $(PEERS)

check:
	@echo "== gofmt"; unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "$$unformatted"; exit 1; }
	@echo "== go vet"; $(GO) vet ./...
	@echo "== staticcheck"; $(STATICCHECK) ./...

race:
	@echo "== go test -race"; $(GO) test -race ./...

# Every fuzz target of every package, FUZZTIME each.
fuzz:
	@echo "== fuzz ($(FUZZTIME) each)"; sh scripts/fuzz.sh $(FUZZTIME)

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/gateway ./cmd/gateway
