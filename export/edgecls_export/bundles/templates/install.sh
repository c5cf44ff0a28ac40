#!/bin/sh
# Installs a bundle of edgecls: sh install.sh BUNDLE WHEEL [options]
#
# "python3 BUNDLE" calls it with the bundle and our own wheel, which it took out of it. Here is only what must be
# so before any code of the wheel can run. What else must be so is checked in the wheel, before anything is
# written, since a later update needs the same checks.
set -eu

refuse() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 17
}

if [ $# -lt 2 ]; then
    printf 'error: Expected BUNDLE and WHEEL, got %s arguments.\nhint: sudo python3 BUNDLE\n' $# >&2
    exit 2
fi
bundle=$1
wheel=$2
shift 2

[ "$(uname -s)" = Linux ] ||
    refuse "Expected Linux, got $(uname -s)." 'copy the bundle to the device and install it there'
command -v python3 >/dev/null ||
    refuse 'Expected python3, got a system without.' 'sudo apt install python3'
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    refuse "Expected Python 3.10 or later, got $(python3 -V 2>&1)." \
        'make a bundle for this system: edgecls bundle --list-targets'

# -I: neither files in this folder nor the caller's PYTHON... variables come into it.
exec python3 -I -c '
import runpy, sys
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("edgecls_device.bundles.installing", run_name="__main__", alter_sys=True)
' "$wheel" "$bundle" "$@"
