"""The words that rooms use to declare their datasets."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
from watermain.declare.quarantine import Quarantine
from watermain.declare.slo import Slo

if TYPE_CHECKING:
    from watermain.declare.body.change import (
        first_message,
        latest_delivery,
        latest_per_key,
        utc_from_local,
    )
    from watermain.declare.body.telling import as_told, told_changes

# The words of bodies bring ibis with them, which a command that reads no body never needs.
_BODIES = ("watermain.declare.body.change", "watermain.declare.body.telling")

__all__ = [
    "AlertmanagerConnection",
    "Basic",
    "Bearer",
    "ByCursor",
    "ByLink",
    "ByPage",
    "Cadence",
    "Check",
    "Column",
    "Contract",
    "Daily",
    "Dataset",
    "DatasetName",
    "Feature",
    "FeatureSet",
    "Files",
    "FilesConnection",
    "Hourly",
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
    "Rest",
    "RestConnection",
    "S3Store",
    "Sasl",
    "Sensitivity",
    "Sftp",
    "SftpConnection",
    "Slo",
    "Tls",
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
    """Look a word of bodies up when it is asked for."""
    for module in _BODIES if name in __all__ else ():
        words = import_module(module)
        if hasattr(words, name):
            return getattr(words, name)
    raise AttributeError(f"module `watermain.declare` has no attribute `{name}`")
