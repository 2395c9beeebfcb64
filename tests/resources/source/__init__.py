"""Tests of the sources that raw datasets are captured from."""
