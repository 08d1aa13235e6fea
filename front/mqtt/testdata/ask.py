"""Asks for firmware as device d of application edge: HOST PORT VERSION STATUS-FILE. Prints the answer."""
import sys

import paho.mqtt.client as mqtt

host, port, version, status = sys.argv[1:]
client = mqtt.Client(client_id="python", protocol=mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311)
client.username_pw_set("d@edge", "secret")


def connected(client, *_):
    client.subscribe("command/inbox/#")


def subscribed(client, *_):
    client.publish("dfu", open(status, "rb").read(), qos=1)


def answered(client, _, message):
    sys.stdout.buffer.write(message.topic.encode() + b"\n" + message.payload)
    client.disconnect()


client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, answered
client.connect(host, int(port))
client.loop_forever()
