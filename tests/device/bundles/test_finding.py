import pytest
from edgecls_device.bundles.finding import find_installation
from edgecls_device.errors import OptionError


def installed(root):
    (root / "versions").mkdir(parents=True)
    return root


def test_the_named_directory_is_taken_before_the_variable_and_the_default(tmp_path):
    named, other = installed(tmp_path / "a"), installed(tmp_path / "b")
    variables = {"EDGECLS_ROOT": str(other)}
    assert find_installation(named, variables=variables).root == named
    assert find_installation(None, variables=variables).root == other


def test_the_only_installation_needs_no_name(tmp_path):
    root = installed(tmp_path / "pets")
    (tmp_path / "something-else").mkdir()
    assert find_installation(None, variables={}, parent=tmp_path).root == root


def test_several_installations_want_a_name(tmp_path):
    installed(tmp_path / "pets"), installed(tmp_path / "birds")
    with pytest.raises(OptionError, match=r"got 2: birds, pets\.") as error:
        find_installation(None, variables={}, parent=tmp_path)
    assert error.value.hint == f"name the one you mean: --root {tmp_path / 'birds'}"


@pytest.mark.parametrize("parent", ["", "missing"])
def test_no_installation_is_said_to_be_none(tmp_path, parent):
    with pytest.raises(OptionError, match=r"Expected an installed bundle in .*, got none\."):
        find_installation(None, variables={}, parent=tmp_path / parent)


def test_a_directory_of_something_else_is_refused(tmp_path):
    with pytest.raises(OptionError, match="Expected the directory of an installed bundle"):
        find_installation(tmp_path)
