"""``edgecls``, with a stand-in for the acceptance of a new version, which takes seconds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from edgecls_device.bundles import preparing

from edgecls.cli.main import main
from tests.device.bundles.accepting import accepted

preparing.accept = accepted
main(sys.argv[1:])
