"""The words that rooms use to declare their datasets.

Each is looked up when it is asked for: a process that needs no word, but an error or a name, is
spared pyarrow.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from watermain.declare.body.change import (
        first_message,
        latest_delivery,
        latest_per_key,
        utc_from_local,
    )
    from watermain.declare.body.telling import as_told, told_changes
    from watermain.declare.cadence import Cadence, Daily, Hourly, Monthly, Window
    from watermain.declare.check import (
        Check,
        accepted_values,
        between,
        expression,
        fresh_within,
        matches,
        not_null,
        refers_to,
        row_count,
        steady,
        unique,
    )
    from watermain.declare.connection.broker import KafkaConnection, MqttConnection, Sasl
    from watermain.declare.connection.connection import Tls
    from watermain.declare.connection.database import PostgresConnection
    from watermain.declare.connection.files import FilesConnection, S3Store
    from watermain.declare.connection.notifier import AlertmanagerConnection, NotifierConnection
    from watermain.declare.connection.sftp import SftpConnection
    from watermain.declare.connection.web import (
        RegistryConnection,
        RestConnection,
        WebhookConnection,
    )
    from watermain.declare.contract import Column, Contract, Migration, Sensitivity
    from watermain.declare.dataset import Dataset, dataset, raw
    from watermain.declare.feature import Feature, FeatureSet, Online
    from watermain.declare.feature_table import feature_table
    from watermain.declare.name import DatasetName
    from watermain.declare.need import Needs, needs
    from watermain.declare.outside.brought import DagsterAsset, Dlt, Sling
    from watermain.declare.outside.source import Files, Kafka, Mqtt, Platform, Postgres, Sftp
    from watermain.declare.outside.web import (
        Basic,
        Bearer,
        ByCursor,
        ByLink,
        ByPage,
        Increment,
        OAuth2,
        Rest,
        Webhook,
    )
    from watermain.declare.promise.days import Days
    from watermain.declare.promise.due import Due
    from watermain.declare.promise.hours import Hours
    from watermain.declare.promise.objective import AtMost, Share
    from watermain.declare.promise.remedy import Remedy
    from watermain.declare.promise.urgency import Urgency
    from watermain.declare.quarantine import Quarantine
    from watermain.declare.slo import Slo

_HOMES = (
    "cadence",
    "check",
    "connection.broker",
    "connection.connection",
    "connection.database",
    "connection.files",
    "connection.notifier",
    "connection.sftp",
    "connection.web",
    "contract",
    "dataset",
    "feature",
    "feature_table",
    "name",
    "need",
    "outside.brought",
    "outside.source",
    "outside.web",
    "promise.days",
    "promise.due",
    "promise.hours",
    "promise.objective",
    "promise.remedy",
    "promise.urgency",
    "quarantine",
    "slo",
    # The words of bodies bring ibis with them, which a command that reads no body never needs.
    "body.change",
    "body.telling",
)

__all__ = [
    "AlertmanagerConnection",
    "AtMost",
    "Basic",
    "Bearer",
    "ByCursor",
    "ByLink",
    "ByPage",
    "Cadence",
    "Check",
    "Column",
    "Contract",
    "DagsterAsset",
    "Daily",
    "Dataset",
    "DatasetName",
    "Days",
    "Dlt",
    "Due",
    "Feature",
    "FeatureSet",
    "Files",
    "FilesConnection",
    "Hourly",
    "Hours",
    "Increment",
    "Kafka",
    "KafkaConnection",
    "Migration",
    "Monthly",
    "Mqtt",
    "MqttConnection",
    "Needs",
    "NotifierConnection",
    "OAuth2",
    "Online",
    "Platform",
    "Postgres",
    "PostgresConnection",
    "Quarantine",
    "RegistryConnection",
    "Remedy",
    "Rest",
    "RestConnection",
    "S3Store",
    "Sasl",
    "Sensitivity",
    "Sftp",
    "SftpConnection",
    "Share",
    "Sling",
    "Slo",
    "Tls",
    "Urgency",
    "Webhook",
    "WebhookConnection",
    "Window",
    "accepted_values",
    "as_told",
    "between",
    "dataset",
    "expression",
    "feature_table",
    "first_message",
    "fresh_within",
    "latest_delivery",
    "latest_per_key",
    "matches",
    "needs",
    "not_null",
    "raw",
    "refers_to",
    "row_count",
    "steady",
    "told_changes",
    "unique",
    "utc_from_local",
]


def __getattr__(name: str) -> Any:
    """Look a word up when it is asked for."""
    for home in _HOMES if name in __all__ else ():
        words = vars(import_module(f"{__name__}.{home}"))
        if name in words:
            globals()[name] = words[name]
            return words[name]
    raise AttributeError(f"module `watermain.declare` has no attribute `{name}`")


class _Words(ModuleType):
    """Let no module hide the word that it is named after."""

    def __setattr__(self, name: str, value: object) -> None:
        is_word = isinstance(value, ModuleType) and name in __all__
        super().__setattr__(name, getattr(value, name) if is_word else value)


sys.modules[__name__].__class__ = _Words
