"""Tests of `watermain/observe/watch/ledger`."""
