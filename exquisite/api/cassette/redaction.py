"""Keeps secrets out of recordings: refuses keys, and replaces signatures in URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["find_secret", "redacted"]

_LOOKS_LIKE_A_KEY = re.compile(
    rb"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{8,}"
    rb"|\b(?:bearer|basic)\s+(?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{16,}"
    rb"|\b(?:x-)?api[-_ ]?key\\?[\"']?\s*[:=]\s*\\?[\"']?(?=[A-Za-z._-]*[0-9])[A-Za-z0-9._-]{8,}",
    re.IGNORECASE,
)
_SECRET_MIN = 6  # characters; shorter keys ("none", "x") occur in any text

# Query parameters of signed URLs (Amazon S3, Azure Blob Storage, Google Cloud Storage, CloudFront), and access tokens.
# JSON may escape the ampersand.
_SIGNATURE = re.compile(
    rb"((?:[?&]|\\u0026)(?:sig|signature|policy|key-pair-id|awsaccesskeyid|googleaccessid|token|access_token"
    rb"|x-(?:amz|goog)-(?:signature|credential|security-token))=)[^&\"'\s\\<>#]+",
    re.IGNORECASE,
)


def find_secret(data: bytes, secrets: Iterable[str] = ()) -> str:
    """Describe text in `data` that looks like a key, without quoting it; "" when there is none.

    `secrets` are the keys in use; keys of fewer than 6 characters are ignored, because they occur in any text.
    """
    if any(len(secret) >= _SECRET_MIN and secret.encode() in data for secret in secrets):
        return "the key in use"
    if match := _LOOKS_LIKE_A_KEY.search(data):
        return f"{len(match[0])} bytes at {match.start()} that look like a key (they begin with {match[0][:3]!r})"
    return ""


def redacted(data: bytes) -> bytes:
    """Replace the signature in every signed URL."""
    return _SIGNATURE.sub(rb"\1redacted", data)
