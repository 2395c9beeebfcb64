"""Tests of `watermain/engine/rooms`."""
