"""Tests of the commands about alerts, about incidents."""
