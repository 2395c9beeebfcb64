"""Tests of `watermain/serve/feature_server`."""
