// Package mqtttest has the MQTT brokers of tests, of the demo and of benchmarks:
// one inside the process, and Eclipse Mosquitto where it is installed.
//
// Each listens on 127.0.0.1 without passwords. Listen and NewMosquitto start
// nothing but a socket; Run is the broker's life.
//
// Specifications: MQTT 5.0, MQTT 3.1.1.
package mqtttest
