"""Tests of `watermain/dbt`."""
