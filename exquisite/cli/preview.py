"""A dry run: prints the request of a step and its estimate; sends and writes nothing."""

from __future__ import annotations

from typing import Any

from ..api.generator import TileGenerator, describe
from ..pipeline.step import StepInputs
from .consent import GeneratorWithConsent, price_of_run
from .output import Output

__all__ = ["show_request"]


def show_request(inputs: StepInputs, number: int, generator: TileGenerator, output: Output, steps: int = 1) -> int:
    """Print the request of step `number`, and the price of a run of `steps` steps; returns the exit code."""
    request = inputs.request(inputs.options.candidates, number)
    data: dict[str, Any] = {"dry_run": True, "step": number, "mode": inputs.mode}
    data |= {"generator": describe(generator), "prompt": inputs.prompt}
    lines = [f"step {number} in {inputs.mode}: {request.candidates} candidates of {request.size_text}"]
    if request.references:
        data["references"] = [picture.as_record() for picture in request.references]
        pictures = (f"{picture.kind} {picture.size[0]}x{picture.size[1]}" for picture in request.references)
        lines.append(f"reference pictures: {', '.join(pictures)}")
    if isinstance(generator, GeneratorWithConsent):
        preview = generator.request_preview(request)
        data["request"] = preview
        price = price_of_run(generator.client, request, steps)
        data["run"] = {"steps": steps, "estimate_usd": str(price.about), "worst_case_usd": str(price.most)}
        lines.append(str(price))
        lines.append(f"body of {preview['body_bytes']:,} bytes")
        lines += [str(preview["warning"])] * bool(preview.get("warning"))
    output.result("\n".join([*lines, "prompt:", inputs.prompt]), data)
    output.note("dry run: nothing was sent, nothing was written")
    return 0
