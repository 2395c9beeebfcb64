"""Tests of `watermain/source/sftp`."""
