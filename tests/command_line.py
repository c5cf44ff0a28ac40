"""The command line as a test calls it."""

from edgecls.cli.main import main


def edgecls(*arguments):
    """Return the exit code of a command line."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as error:
        return error.code or 0
    return 0
