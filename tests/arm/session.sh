#!/bin/sh
# A user's first hour with a Raspberry Pi, typed inside of one: sh session.sh NAME TARGET [short]
#
# Beside it lie NAME-000001-TARGET.edgecls to NAME-000003-TARGET.edgecls and clip.avi, and there is no network. What it
# prints is what the documentation shows. It ends with 0 if every command ended with the code that it should. A
# short one has no updates and no doctor.
set -u
name=$1
target=$2
root=/opt/edgecls/$name

typed() { # typed CODE COMMAND: show a command, run it, and go on only if it ends with this code
    expected=$1
    shift
    printf '$ %s\n' "$*"
    eval "$*" 2>&1
    code=$?
    if [ "$code" -ne "$expected" ]; then
        printf 'session: expected exit code %s, got %s\n' "$expected" "$code"
        tail -n 30 keep.log
        exit 1
    fi
    printf '\n'
}

typed 0 "python3 $name-000001-$target.edgecls --no-service"
PATH=$root/confirmed/environment/bin:$PATH # the command, which the service's installation puts into /usr/local/bin
# 15 frames a second are too many for an emulated processor
typed 0 "sed -i 's|^source = .*|source = \"loop:$PWD/clip.avi\"\nevery = 10|' $root/config.toml"
typed 0 "edgecls keep > keep.log 2>&1 &" # systemd does that on a device
typed 0 "curl -sf --retry 180 --retry-delay 1 --retry-all-errors http://localhost:8080/ready"
typed 0 "curl -sf http://localhost:8080/live"
if [ "${3:-}" != short ]; then
    typed 0 "edgecls update $name-000002-$target.edgecls"
    typed 18 "edgecls update $name-000003-$target.edgecls"
    typed 0 "curl -sf --retry 180 --retry-delay 1 --retry-all-errors http://localhost:8080/ready"
fi
typed 0 "edgecls history"
[ "${3:-}" = short ] || typed 0 "edgecls doctor"
typed 0 'kill $! && wait $!'
typed 0 "tail -n 12 keep.log"
