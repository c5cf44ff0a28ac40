import pytest
from edgecls_device.doctor.trial import try_code


def test_the_last_line_of_output_is_given():
    assert try_code("print('noise')\nprint('the answer')").output == "the answer"


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("import os; os.kill(os.getpid(), 4)", "illegal instruction"),
        ("import os; os.kill(os.getpid(), 11)", "segmentation fault"),
        ("import os; os.abort()", "abort"),
        ("import os; os.kill(os.getpid(), 9)", "not enough memory"),
        ("raise ImportError('libfoo.so.3: cannot open')", "ImportError: libfoo.so.3: cannot open"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
)
def test_code_that_dies_says_of_what(code, failure):
    assert failure in try_code(code).failure


def test_code_that_hangs_is_killed():
    trial = try_code("import time; time.sleep(60)", within_s=0.5)
    assert trial.failure == "no end within 0.5 seconds"
