"""Records the HTTP traffic of a client and replays it."""

from .interactions import Cassette, RecordMode
from .settings import (
    CassetteSettings,
    CassetteTransport,
    cassette_path,
    cassette_transport,
    ended,
    settings_from_environment,
    transport_from_settings,
    use_cassette,
)

__all__ = [
    "Cassette",
    "CassetteSettings",
    "CassetteTransport",
    "RecordMode",
    "cassette_path",
    "cassette_transport",
    "ended",
    "settings_from_environment",
    "transport_from_settings",
    "use_cassette",
]
