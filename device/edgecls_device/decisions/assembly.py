"""Which chooser and decider fit a source, from what the user said."""

from typing import TYPE_CHECKING

from edgecls_device.decisions.plain import EachAlone, EveryFrame
from edgecls_device.decisions.protocol import Chooser, Decider
from edgecls_device.errors import OptionError
from edgecls_device.sources.protocol import Source
from edgecls_device.spec import ModelSpec

if TYPE_CHECKING:
    from edgecls_device.decisions.settings import DecisionSettings

__all__ = ["chooser_and_decider"]


def chooser_and_decider(
    settings: "DecisionSettings | None", source: Source, spec: ModelSpec
) -> tuple[Chooser, Decider]:
    """Return what fits: frames that follow one another are smoothed, photos are each decided alone.

    Args:
        settings: What the user said; None for the defaults.
        source: An open source; what moves is live or states a frame rate.
        spec: The model's.

    Raises:
        OptionError: If something is asked that needs frames that follow one another, and these do not.
    """
    is_moving = source.is_live or source.frame_rate > 0
    if settings is None and not is_moving:
        return EveryFrame(), EachAlone()
    from edgecls_device.decisions.chooser import FrameChooser
    from edgecls_device.decisions.settings import DecisionSettings
    from edgecls_device.decisions.temporal import TemporalDecider

    if settings is None or is_moving:
        chosen = settings or DecisionSettings()
        return FrameChooser(chosen), TemporalDecider(chosen, spec, source.name)
    _check_alone(settings)
    return FrameChooser(settings), EachAlone()


def _check_alone(settings: "DecisionSettings") -> None:
    from edgecls_device.decisions.settings import DecisionSettings

    plain = DecisionSettings(every=settings.every, roi=settings.roi, smoothing="none")
    moving = {
        "--motion": settings.motion_share,
        "--smoothing": settings.smoothing if settings.smoothing != "none" else None,
        "--enter-score": settings.enter_score,
        "--leave-score": settings.leave_score,
        "--min-duration": None
        if settings.min_duration_s in {plain.min_duration_s, 0}
        else settings.min_duration_s,
    }
    asked = [name for name, value in moving.items() if value is not None]
    if asked:
        message = f"Expected a camera, stream or video with {asked[0]}, got photos."
        raise OptionError(message, hint="photos are each decided alone; leave it out")
