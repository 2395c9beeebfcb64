"""Tests of `watermain/declare/body`."""
