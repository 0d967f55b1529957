"""What no recording may hold: keys are refused, signatures of addresses are replaced."""

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
_SECRET_MIN = 6  # a shorter key in use ("none", "x") is found in every text

# Parameters by which object stores sign an address (Amazon S3, Azure Blob Storage, Google Cloud Storage, CloudFront)
# or let anybody in who has it; an ampersand may stand as JSON writes it.
_SIGNATURE = re.compile(
    rb"((?:[?&]|\\u0026)(?:sig|signature|policy|key-pair-id|awsaccesskeyid|googleaccessid|token|access_token"
    rb"|x-(?:amz|goog)-(?:signature|credential|security-token))=)[^&\"'\s\\<>#]+",
    re.IGNORECASE,
)


def find_secret(data: bytes, secrets: Iterable[str] = ()) -> str:
    """What in `data` looks like a key, described without quoting it; "" when nothing does.

    `secrets` are keys in use; those with fewer than 6 characters are left out, because any text may hold them.
    """
    if any(len(secret) >= _SECRET_MIN and secret.encode() in data for secret in secrets):
        return "the key in use"
    if found := _LOOKS_LIKE_A_KEY.search(data):
        return f"{len(found[0])} bytes at {found.start()} that look like a key (they begin with {found[0][:3]!r})"
    return ""


def redacted(data: bytes) -> bytes:
    """`data` with the signature in every signed address replaced, so that nobody can fetch by it."""
    return _SIGNATURE.sub(rb"\1redacted", data)
