"""Rules and settings for a Prometheus with its Alertmanager."""
