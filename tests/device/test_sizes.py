import pytest
from edgecls_device.errors import OptionError
from edgecls_device.sizes import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10MB", 10_000_000),
        ("10 mb", 10_000_000),
        ("1.5GB", 1_500_000_000),
        ("1MiB", 1 << 20),
        ("500kB", 500_000),
        ("2048", 2048),
    ],
)
def test_a_size_is_a_number_and_a_unit(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MB", "-1MB", "0", "0.1", "1XB", "10 M B", "1e9", "٣MB", "nan"]
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(OptionError, match=r"Expected --json-rotate such as 500kB.*got") as caught:
        parse_size(text, name="--json-rotate")
    assert caught.value.hint


def test_sizes_are_shown_in_the_nearest_unit():
    assert [format_size(size) for size in (12, 12_345, 999_600, 12_300_000, 2.5e9)] == [
        "12 bytes",
        "12.3 kB",
        "1 MB",
        "12.3 MB",
        "2.5 GB",
    ]
