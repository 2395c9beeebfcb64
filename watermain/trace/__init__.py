"""Traces of what the platform does, for a collector of OpenTelemetry."""
