"""The types of JSON objects.

Their values are `Any`. A record has its fields in a TypedDict where its shape is fixed (`pipeline.formats`), and what
reads one checks what it needs. A recursive union of the types would ask for a cast at every step into an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["JsonMapping", "JsonObject"]

JsonObject = dict[str, Any]
"""A JSON object."""

JsonMapping = Mapping[str, Any]
"""A JSON object that is only read."""
