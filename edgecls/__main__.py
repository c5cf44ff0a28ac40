"""``python -m edgecls``: the command line, for services that name an environment's Python."""

from edgecls.cli import main

if __name__ == "__main__":
    main()
