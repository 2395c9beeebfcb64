"""Tests of the product, folder by folder."""
