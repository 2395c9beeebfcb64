"""The words that rooms use to declare their datasets."""

from platform_assets.declare.cadence import Cadence, Daily, Hourly, Monthly, Window
from platform_assets.declare.change import latest_delivery, latest_per_key, utc_from_local
from platform_assets.declare.check import (
    Check,
    accepted_values,
    between,
    expression,
    matches,
    not_null,
    refers_to,
    row_count,
)
from platform_assets.declare.contract import Column, Contract, Sensitivity
from platform_assets.declare.dataset import Dataset, dataset, raw
from platform_assets.declare.name import DatasetName
from platform_assets.declare.slo import Slo
from platform_assets.declare.source import Files, Kafka, Mqtt, Platform, Postgres

__all__ = [
    "Cadence",
    "Check",
    "Column",
    "Contract",
    "Daily",
    "Dataset",
    "DatasetName",
    "Files",
    "Hourly",
    "Kafka",
    "Monthly",
    "Mqtt",
    "Platform",
    "Postgres",
    "Sensitivity",
    "Slo",
    "Window",
    "accepted_values",
    "between",
    "dataset",
    "expression",
    "latest_delivery",
    "latest_per_key",
    "matches",
    "not_null",
    "raw",
    "refers_to",
    "row_count",
    "utc_from_local",
]
