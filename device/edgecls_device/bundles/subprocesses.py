"""Programs that an installation starts: nothing of the caller's Python, pip or service gets into them."""

import os
from collections.abc import Mapping

__all__ = ["clean_environment"]

_OTHERS = ("PYTHON", "PIP_", "VIRTUAL_ENV", "NOTIFY_SOCKET", "WATCHDOG_", "EDGECLS_")


def clean_environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables without those that would lead another Python, pip or service astray."""
    return {name: value for name, value in variables.items() if not name.startswith(_OTHERS)}
