"""The tests that dbt ships for those who write adapters, over a branch of the lake."""
