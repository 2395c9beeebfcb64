"""Tests of `watermain/source/files`."""
