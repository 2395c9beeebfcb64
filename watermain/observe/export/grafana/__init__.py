"""Dashboards for Grafana over what Prometheus keeps."""
