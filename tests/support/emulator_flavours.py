"""The differences between servers with an images/edits path."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["FLAVOURS", "Flavour"]


@dataclass(frozen=True)
class Flavour:
    """One kind of server.

    Attributes:
        name: what `--flavour` takes.
        path: the whole path of an edit, as a regular expression; a group `model` names the model.
        query: parameters that must be there.
        auth: the header that holds the key: "authorization" (Bearer) or "api-key"; None where none is asked for.
        strict: whether every field must be explicit and legal for its model; otherwise unknown fields, models
            and sizes are accepted, as small servers do.
        refuses: fields and parts that are answered with 400 unknown_parameter.
        mask_field: the name of the mask's part.
        mask_reads: "alpha" (0 = edit), "luminance" (white = edit), or "nothing".
        errors: the shape of an error: "object", "string" or "detail".
        usage: whether an answer reports token usage. False: the server is free, or bills `usd_per_picture`.
        usd_per_picture: what a picture costs, in USD, as text; "" where tokens are billed, or nothing.
        answers: "b64_json" or "url", where response_format does not say.
        request_id: the header that numbers an answer.
    """

    name: str
    path: str = r"/v1/images/edits"
    query: tuple[str, ...] = ()
    auth: str | None = "authorization"
    strict: bool = True
    refuses: tuple[str, ...] = ()
    mask_field: str = "mask"
    mask_reads: str = "alpha"
    errors: str = "object"
    usage: bool = True
    usd_per_picture: str = ""
    answers: str = "b64_json"
    request_id: str = "x-request-id"

    def match(self, path: str) -> re.Match[str] | None:
        """The match of a request's path (without its query) with this server's."""
        return re.fullmatch(self.path, path)


_FOLLOWS_WORDS = ("mask", "quality", "background", "output_format")  # models that edit by words alone

FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        Flavour("openai"),
        Flavour("azure", path=r"/openai/v1/images/edits", auth="api-key", request_id="apim-request-id"),
        Flavour(
            "azure-deployment",
            path=r"/openai/deployments/(?P<model>[^/]+)/images/edits",
            query=("api-version",),
            auth="api-key",
            request_id="apim-request-id",
        ),
        Flavour("sd-server", auth=None, strict=False, mask_reads="luminance", errors="string", usage=False),
        Flavour(
            "xinference",
            auth=None,
            strict=False,
            mask_reads="luminance",
            errors="detail",
            usage=False,
            answers="url",
        ),
        Flavour("vllm-omni", auth=None, strict=False, mask_field="mask_image", usage=False),
        Flavour("sglang", auth=None, strict=False, mask_reads="nothing", usage=False),
        Flavour("azure-entra", path=r"/openai/v1/images/edits", request_id="apim-request-id"),
        Flavour(
            "nvidia-nim",
            auth=None,
            strict=False,
            refuses=_FOLLOWS_WORDS,
            mask_reads="nothing",
            usage=False,
            answers="url",
        ),
        Flavour("litellm", request_id="llm_provider-x-request-id"),
        Flavour(
            "litellm-unmasked", refuses=_FOLLOWS_WORDS, mask_reads="nothing", request_id="llm_provider-x-request-id"
        ),
        Flavour(
            "deepinfra",
            path=r"/v1/openai/images/edits",
            strict=False,
            refuses=_FOLLOWS_WORDS,
            mask_reads="nothing",
            usage=False,
            usd_per_picture="0.025",
        ),
        Flavour("nano-gpt", path=r"/api/v1/images/edits", strict=False, answers="url"),
        Flavour(
            "imagerouter",
            path=r"/v1/openai/images/edits",
            strict=False,
            refuses=("background",),
            mask_field="mask[]",
            answers="url",
        ),
    )
}
"""The servers of the table of recipes, by name."""
