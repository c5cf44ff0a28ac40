"""The checks there are, and all of them together."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from edgecls_device.backends.table import BACKENDS
from edgecls_device.doctor.check import Check, Diagnosis
from edgecls_device.errors import EdgeclsError
from edgecls_device.lazy import load

if TYPE_CHECKING:
    from edgecls_device.bundles.installation import Installation

__all__ = ["CHECKS", "examine"]

CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "edgecls": "edgecls_device.doctor.software:check_edgecls",
        "python": "edgecls_device.doctor.software:check_python",
        "system": "edgecls_device.doctor.hardware:check_system",
        "opencv": "edgecls_device.doctor.software:check_opencv",
        "runtimes": "edgecls_device.doctor.software:check_runtimes",
        "extras": "edgecls_device.doctor.software:check_extras",
        "processor": "edgecls_device.doctor.hardware:check_processor",
        "memory": "edgecls_device.doctor.hardware:check_memory",
        "disk": "edgecls_device.doctor.hardware:check_disk",
        "clock": "edgecls_device.doctor.hardware:check_clock",
        "heat": "edgecls_device.doctor.hardware:check_heat",
    }
)
"""Name -> what looks: called without arguments, it gives any number of ``Check``."""

INSTALLED = "edgecls_device.doctor.installed:check_installation"


def examine(
    model: Path | None = None,
    *,
    installation: "Installation | None" = None,
    checks: Mapping[str, str] = CHECKS,
) -> Diagnosis:
    """Run all checks. One that fails is a problem of its own and does not stop the others.

    Args:
        model: A model file whose golden samples are run too.
        installation: An installed bundle that is looked at too.
        checks: The table.
    """
    found = [check for name, target in checks.items() for check in _results(name, target)]
    if installation is not None:
        found += _results("bundle", INSTALLED, installation)
    if model is not None:
        from edgecls_device.doctor.software import check_model

        found.append(check_model(model))
    by_name = {check.name: check for check in found}
    backends = tuple(
        name for name in BACKENDS if name in by_name and by_name[name].facts.get("is_loaded")
    )
    has_pixels = "opencv" in by_name and by_name["opencv"].state != "problem"
    is_model_good = "model" not in by_name or by_name["model"].state != "problem"
    return Diagnosis(
        can_classify=has_pixels and bool(backends) and is_model_good,
        backends=backends,
        checks=tuple(found),
    )


def _results(name: str, target: str, *arguments: object) -> Iterator[Check]:
    try:
        yield from load(target, extra="device")(*arguments)
    except (EdgeclsError, OSError, ValueError) as error:
        yield Check(name=name, state="problem", found=f"it cannot be looked at: {error}")
