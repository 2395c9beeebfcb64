"""Tests of `watermain/serve`."""
