"""Rules for a Prometheus with its Alertmanager."""
