"""How a live source is opened: its capture runs in a child process, with the options that concern the loss."""

from collections.abc import Mapping
from typing import Any

from edgecls_device.sources.capture_request import CaptureRequest
from edgecls_device.sources.live_source import LiveSource
from edgecls_device.sources.options import SourceOptions
from edgecls_device.stop import Stop

__all__ = ["open_live"]


def open_live(
    kind: str,
    text: str,
    options: SourceOptions,
    *,
    stop: Stop | None = None,
    more: Mapping[str, Any] | None = None,
) -> LiveSource:
    """Open a live source.

    Args:
        kind: A key of ``CAPTURES``.
        text: What its opener takes.
        options: What was wished.
        stop: Ends the opening at once; the source then gives no frame.
        more: What its opener wants to know besides: plain JSON values.

    Raises:
        EdgeclsError: If it can never be opened.
        SourceError: If it cannot be opened now, and is not waited for.
    """
    return LiveSource(
        CaptureRequest(kind=kind, text=text, options={**options.wishes(), **(more or {})}),
        stop=stop,
        give_up_after_s=options.give_up_after_s,
        wait_for_source=options.wait_for_source,
        frozen_after_s=options.frozen_after_s,
    )
