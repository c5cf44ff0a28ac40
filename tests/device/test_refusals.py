from edgecls_device.backends.refusals import first_line


def test_a_failure_is_told_in_one_line():
    assert first_line(RuntimeError("\nno such node\nat line 3")) == "no such node"


def test_a_failure_without_words_is_told_by_its_kind():
    assert first_line(RuntimeError("")) == first_line(RuntimeError("\n ")) == "RuntimeError"
