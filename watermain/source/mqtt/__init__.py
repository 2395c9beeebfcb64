"""Messages of an MQTT broker."""
