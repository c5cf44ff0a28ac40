import pytest
from edgecls_device.web.forms import file_in_form

TYPE = "multipart/form-data; boundary=b"


def part(head, content):
    return b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def named(name):
    return b'Content-Disposition: form-data; name="' + name + b'"; filename="a.jpg"'


@pytest.mark.parametrize("content", [b"", b"x", b"\r\n", b"\r\n--a\r\n", b"\0\xff--b", b"--b--"])
def test_a_field_is_found_whatever_is_in_it(content):
    body = (
        b"preamble\r\n" + part(named(b"note"), b"1") + part(named(b"photo"), content) + b"--b--\r\n"
    )
    assert file_in_form(body, TYPE, "photo") == content


def test_the_header_may_be_written_in_other_ways():
    body = (
        part(b"content-disposition:form-data;name=photo\r\nContent-Type: image/png", b"x")
        + b"--b--"
    )
    assert file_in_form(body, 'multipart/form-data; charset=x; Boundary="b"', "photo") == b"x"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", TYPE),
        (b"--b", TYPE),
        (b"--b\r\n\r\n", TYPE),
        (b"--b--\r\n", TYPE),
        (part(named(b"photo"), b"x"), TYPE),  # cut off
        (part(named(b"other"), b"x") + b"--b--", TYPE),
        (part(b'Content-Disposition: form-data; filename="photo"', b"x") + b"--b--", TYPE),
        (part(named(b"photo") + b"\r\nX: " + b"y" * 5000, b"x") + b"--b--", TYPE),
        (part(named(b"photo"), b"x") + b"--b--", "multipart/form-data"),
        (part(named(b"photo"), b"x") + b"--b--", "multipart/form-data; boundary=" + "b" * 99),
    ],
)
def test_a_form_that_is_cut_off_or_has_no_such_field_gives_nothing(body, content_type):
    assert file_in_form(body, content_type, "photo") is None
