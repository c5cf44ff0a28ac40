"""How a version is started: what the device chose, unless the user's configuration says otherwise."""

import os

import pytest
from edgecls_device.bundles.version_program import Account, find_account, version_program
from edgecls_device.errors import OptionError, SpecError, StorageError

from tests.device.bundles.kept import OLD, make_installation


@pytest.fixture
def installation(tmp_path):
    return make_installation(tmp_path / "pets")


def words(installation):
    return version_program(installation, OLD, None).command


def test_it_is_its_own_python_its_model_file_and_what_the_device_chose(installation):
    folder = installation.version(OLD)
    assert words(installation) == (
        f"{folder}/environment/bin/python",
        *("-I", "-m", "edgecls", "run"),
        f"{folder}/artifacts/tiny.int8.tflite",
        *("--config", str(installation.config)),
        *("--backend", "litert", "--threads", "2"),
    )


@pytest.mark.parametrize(
    ("line", "left_out"),
    [('backend = "onnxruntime"', "--backend"), ("threads = 1", "--threads")],
)
def test_what_the_configuration_names_is_left_to_it(installation, line, left_out):
    installation.config.write_text(f'source = "0"\n{line}\n[web]\naddress = "127.0.0.1:8080"\n')
    assert left_out not in words(installation)
    assert len(words(installation)) == 12 - 2


def test_without_a_configuration_the_run_itself_says_that_it_is_missing(installation):
    installation.config.unlink()
    assert str(installation.config) in words(installation)


def test_a_model_file_in_the_configuration_is_refused_with_its_line(installation):
    installation.config.write_text('source = "0"\n\nartifact = "mine.tflite"\n')
    with pytest.raises(OptionError, match=r"config\.toml, line 3: the bundle brings it"):
        words(installation)


def test_a_configuration_that_is_no_toml_is_refused_with_its_line(installation):
    installation.config.write_text("source = \n")
    with pytest.raises(OptionError, match="line 1"):
        words(installation)


def test_a_choice_that_is_damaged_or_missing_is_told(installation):
    path = installation.version(OLD) / "tuning.json"
    path.write_text("{}")
    with pytest.raises(SpecError, match=r"tuning\.json"):
        words(installation)
    path.unlink()
    with pytest.raises(StorageError, match=r"tuning\.json"):
        words(installation)


def test_another_user_has_its_own_name_groups_and_home(installation):
    account = Account(name="edgecls", user=990, group=980, groups=(980, 44))
    program = version_program(installation, OLD, account)
    assert program.variables == {
        "HOME": str(installation.data),
        "USER": "edgecls",
        "LOGNAME": "edgecls",
    }
    assert (program.options["user"], program.options["group"]) == (990, 980)
    assert program.options["extra_groups"] == (980, 44)
    assert (program.options["cwd"], program.options["umask"]) == (installation.data, 0o027)


def test_whoever_owns_the_data_already_stays_who_it_is(installation):
    assert find_account(installation) is None
    assert "user" not in version_program(installation, OLD, None).options


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
@pytest.mark.parametrize(("owner", "name"), [(65534, "nobody"), (54321, "")])
def test_as_root_it_is_whoever_owns_the_data(installation, owner, name):
    os.chown(installation.data, owner, owner)
    account = find_account(installation)
    assert (account.name, account.user, account.group) == (name, owner, owner)


def test_data_that_is_gone_is_told(installation):
    installation.data.rmdir()
    with pytest.raises(StorageError, match="data"):
        find_account(installation)
