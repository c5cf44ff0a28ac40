import json

import pytest
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.signing import new_key, public_key
from edgecls_device.bundles.trusting import trust_key

from tests.command_line import edgecls
from tests.device.bundles.made import write_bundle
from tests.device.bundles.scoring import HERE, contents


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name in ("maker", "other"):
        new_key(folder / name)
    return folder


@pytest.fixture(scope="module")
def bundles(tmp_path_factory, keys):
    folder = tmp_path_factory.mktemp("bundles")
    held = contents(folder, kinds=HERE[:1] or ["onnx"])
    write_bundle(folder / "signed.edgecls", held, key=keys / "maker")
    write_bundle(folder / "unsigned.edgecls", held)
    return folder


def test_a_good_bundle_is_described_and_passes(bundles, keys, capsys):
    assert edgecls("verify", bundles / "signed.edgecls", "--key", keys / "maker.pub") == 0
    told = capsys.readouterr()
    for words in (
        "Raspberry Pi OS bookworm, 64 bit: arm64, Python 3.11",
        "tiny, release 2",
        "is trusted",
        "wheels/",
        "Everything is as it should be.",
    ):
        assert words in told.out
    assert "Hashing" in told.err
    assert "NOT SIGNED" not in told.err


def test_an_unsigned_one_is_said_to_be_loudly(bundles, capsys):
    assert edgecls("verify", bundles / "unsigned.edgecls") == 0
    told = capsys.readouterr()
    assert "NONE: anybody can have made or changed it" in told.out
    assert "NOT SIGNED" in told.err


def test_it_speaks_json(bundles, capsys):
    assert edgecls("verify", bundles / "signed.edgecls", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["signature"]) == ("edgecls.bundle-verification", "unknown-key")
    assert found["problems"] == []
    assert all(one["is_intact"] for one in found["members"])


@pytest.mark.parametrize("name", ["signed.edgecls", "unsigned.edgecls"])
def test_what_the_named_key_did_not_sign_is_an_error(bundles, keys, capsys, name):
    assert edgecls("verify", bundles / name, "--key", keys / "other.pub") == 17
    told = capsys.readouterr()
    assert "problem: " in told.out
    assert "signed by a key you trust" in told.err


def test_the_keys_of_an_installation_count_where_there_is_one(
    bundles, keys, tmp_path, monkeypatch, capsys
):
    installation = Installation(tmp_path / "tiny")
    installation.prepare()
    signed, unsigned = bundles / "signed.edgecls", bundles / "unsigned.edgecls"
    assert edgecls("verify", unsigned, "--root", installation.root) == 0
    trust_key(installation, public_key(keys / "maker"))
    assert edgecls("verify", signed, "--root", installation.root) == 0
    monkeypatch.setenv("EDGECLS_ROOT", str(installation.root))
    assert edgecls("verify", unsigned) == 17
    assert edgecls("verify", signed) == 0
    assert f"is trusted ({installation.trusted})" in capsys.readouterr().out


def test_a_damaged_member_is_named_below_the_table_and_in_the_error(bundles, tmp_path, capsys):
    path = tmp_path / "x.edgecls"
    path.write_bytes((bundles / "signed.edgecls").read_bytes().replace(b"exit 0", b"exit 1"))
    assert edgecls("verify", path) == 17
    told = capsys.readouterr()
    assert [line for line in told.out.splitlines() if line.startswith("damaged: ")] == [
        "damaged: install.sh"
    ]
    assert "Its member install.sh is damaged." in told.err
    assert "copy the file again" in told.err


def test_a_bundle_is_told_by_its_content_and_a_cut_one_by_its_name(bundles, tmp_path, capsys):
    data = (bundles / "unsigned.edgecls").read_bytes()
    (tmp_path / "pets.tflite").write_bytes(data)
    assert edgecls("verify", tmp_path / "pets.tflite") == 0
    (tmp_path / "pets.edgecls").write_bytes(data[: len(data) // 2])
    assert edgecls("verify", tmp_path / "pets.edgecls") == 17
    assert "cut off" in capsys.readouterr().err


def test_what_is_meant_for_bundles_is_refused_for_a_model(tmp_path, keys, capsys):
    (tmp_path / "x.tflite").write_bytes(b"no model")
    assert edgecls("verify", tmp_path / "x.tflite", "--key", keys / "maker.pub") == 2
    assert "with a bundle" in capsys.readouterr().err
    assert edgecls("verify", tmp_path / "x.tflite") == 5


def test_two_answers_to_whom_to_trust_are_one_too_many(bundles, keys, tmp_path):
    words = ("--key", keys / "maker.pub", "--root", tmp_path)
    assert edgecls("verify", bundles / "signed.edgecls", *words) == 2
