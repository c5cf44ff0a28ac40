"""The command line: a table of commands, each imported only when it is called.

This is the only place that prints errors: ``error: ...``, ``hint: ...`` and the error's exit code.
"""

from edgecls.cli.main import main

__all__ = ["main"]
