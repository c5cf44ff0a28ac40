"""The session of the documentation: installed, classifying, updated, and back from a bad release by itself."""

import json

import pytest

from tests.arm.conftest import TARGETS, is_short
from tests.arm.pi import EDGECLS

pytestmark = [
    pytest.mark.arm,
    pytest.mark.timeout(3600),
    pytest.mark.parametrize("bare", TARGETS, indirect=True),
]


def test_every_command_of_the_session_ends_as_it_should(installed):
    session = installed.session
    assert session.code == 0, session.printed


def test_the_first_release_is_installed_the_second_confirmed_the_third_reverted(
    installed, tmp_path
):
    done = installed.pi.above(tmp_path).run(EDGECLS, "history", "--json")
    assert done.code == 0, done.printed
    entries = json.loads(done.output)["entries"]
    happened = [(entry["what"], entry["release"]) for entry in entries]
    if is_short(installed.pi.system.name):
        assert happened == [("installed", 1)]
        return
    assert [one for one in happened if one[0] != "trial"] == [
        ("installed", 1),
        ("confirmed", 2),
        ("reverted", 3),
    ]
    assert "aborted" in entries[-1]["reason"]


def test_the_live_page_was_ready_before_and_after_the_bad_release(installed):
    answers = installed.session.output.count('{"state":"ready","reasons":[]}')
    wanted = 2 if is_short(installed.pi.system.name) else 3  # /ready, /live, and /ready again
    assert answers >= wanted, installed.session.printed
