"""Records the HTTP traffic of a client and replays it."""

from .transport import (
    Cassette,
    CassetteSettings,
    CassetteTransport,
    RecordMode,
    cassette_transport,
    settings_from_environment,
    transport_from_settings,
    use_cassette,
)

__all__ = [
    "Cassette",
    "CassetteSettings",
    "CassetteTransport",
    "RecordMode",
    "cassette_transport",
    "settings_from_environment",
    "transport_from_settings",
    "use_cassette",
]
