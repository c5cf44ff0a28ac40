import json
import stat

import pytest
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.signing import fingerprint, new_key, public_key

from tests.command_line import edgecls


@pytest.fixture
def root(tmp_path):
    Installation(tmp_path / "pets").prepare()
    return tmp_path / "pets"


def test_a_new_key_is_made_and_what_to_do_with_it_is_said(tmp_path, capsys):
    assert edgecls("keys", "new", tmp_path / "pets.key") == 0
    told = capsys.readouterr().out
    assert fingerprint(public_key(tmp_path / "pets.key.pub")) in told
    assert "keep it off devices" in told
    assert "back it up" in told
    assert stat.S_IMODE((tmp_path / "pets.key").stat().st_mode) == 0o600


def test_a_key_is_not_overwritten(tmp_path, capsys):
    assert edgecls("keys", "new", tmp_path / "k") == 0
    before = (tmp_path / "k").read_bytes()
    assert edgecls("keys", "new", tmp_path / "k") == 8
    assert "never overwritten" in capsys.readouterr().err
    assert (tmp_path / "k").read_bytes() == before


def test_both_halves_show_the_same_fingerprint_and_no_private_key(tmp_path, capsys):
    edgecls("keys", "new", tmp_path / "k", "--json")
    said = json.loads(capsys.readouterr().out)
    shown = []
    for name in ("k", "k.pub"):
        assert edgecls("keys", "show", tmp_path / name, "--json") == 0
        shown.append(json.loads(capsys.readouterr().out))
    assert [one["is_private"] for one in shown] == [True, False]
    assert {one["fingerprint"] for one in shown} == {said["fingerprint"]}
    assert {one["public_key"] for one in shown} == {(tmp_path / "k.pub").read_text()}
    assert edgecls("keys", "show", tmp_path / "k") == 0
    assert "PRIVATE" not in capsys.readouterr().out


def test_another_key_is_trusted_by_an_installation(tmp_path, root, capsys):
    new_key(tmp_path / "k")
    assert edgecls("keys", "trust", tmp_path / "k.pub", "--root", root) == 0
    assert "1 is trusted" in capsys.readouterr().out
    wanted = fingerprint(public_key(tmp_path / "k"))
    assert [path.name for path in (root / "trusted").iterdir()] == [f"{wanted[:12]}.pem"]


def test_a_private_key_is_not_put_on_a_device(tmp_path, root, capsys):
    new_key(tmp_path / "k")
    assert edgecls("keys", "trust", tmp_path / "k", "--root", root) == 17
    assert "k.pub" in capsys.readouterr().err
    assert not list((root / "trusted").iterdir())


def test_what_is_no_key_and_what_is_no_installation_is_said(tmp_path, root, capsys):
    (tmp_path / "text").write_text("hello")
    new_key(tmp_path / "k")
    for code, words in (
        (17, ["show", tmp_path / "text"]),
        (17, ["trust", tmp_path / "text", "--root", root]),
        (8, ["show", tmp_path / "none"]),
        (2, ["trust", tmp_path / "k.pub", "--root", tmp_path]),
    ):
        assert edgecls("keys", *words) == code
        told = capsys.readouterr().err
        assert told.startswith("error: ")
        assert "hint: " in told


def test_without_openssl_the_remedy_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert edgecls("keys", "new", tmp_path / "k") == 7
    assert "apt-get install openssl" in capsys.readouterr().err
