"""``edgecls keep`` with little patience: ``quick_keeper.py -I -m edgecls keep --root ROOT``.

How little stands in ``ROOT/quick.json``. If ``CODE`` is set, our own packages are imported from there.
"""

import json
import os
import sys
from pathlib import Path

if os.environ.get("CODE"):
    sys.path.insert(0, os.environ["CODE"])

from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.judging import TrialRules
from edgecls_device.bundles.keeper import keep
from edgecls_device.bundles.keeper_check import check_keeping
from edgecls_device.errors import EdgeclsError
from edgecls_device.service.watch import Supervision


def say(text):
    print(text, file=sys.stderr, flush=True)


root = Path(sys.argv[sys.argv.index("--root") + 1])
quick = json.loads((root / "quick.json").read_text())
if "--check" not in sys.argv:
    say(f"keeper: {Path(sys.modules[keep.__module__].__file__).parents[2]}")
code = 0
try:
    if "--check" in sys.argv:
        check_keeping(Installation(root))
    else:
        code = keep(
            Installation(root),
            say=say,
            patience=Supervision(**quick["patience"]),
            rules=TrialRules(**quick["rules"]),
        )
except EdgeclsError as error:
    say(f"error: {error.message}")
    say(f"hint: {error.hint}")
    code = error.exit_code
sys.exit(code)
