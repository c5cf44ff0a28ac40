import sys

import pytest
from edgecls_bench.children import run_child
from edgecls_device.errors import BenchmarkError


def run_python(code, silence_s=20.0):
    return run_child([sys.executable, "-c", code], silence_s=silence_s)


def test_lines_carry_the_time_since_the_start():
    lines = run_python("import time; print('a', flush=True); time.sleep(0.2); print('b')")
    assert [line.text for line in lines] == ["a", "b"]
    assert 0 < lines[0].after_ms < lines[1].after_ms


def test_a_line_is_handed_on_while_the_process_still_runs(tmp_path):
    answer = tmp_path / "answer"
    code = f"""
import pathlib, time
print("question", flush=True)
while not pathlib.Path({str(answer)!r}).exists():
    time.sleep(0.01)
print("thanks")
"""
    seen = []

    def on_line(line):
        seen.append(line.text)
        answer.touch()

    run_child([sys.executable, "-c", code], silence_s=20.0, on_line=on_line)
    assert seen == ["question", "thanks"]


def test_a_crash_is_told_with_its_signal():
    with pytest.raises(BenchmarkError, match=r"it crashed \(SIGABRT\)"):
        run_python("import os; os.abort()")


def test_an_exit_code_is_told_with_the_last_line():
    with pytest.raises(BenchmarkError, match=r"^no such thing$"):
        run_python("import sys; sys.stderr.write('noise\\nno such thing\\n'); sys.exit(3)")


def test_a_silent_process_is_killed():
    with pytest.raises(BenchmarkError, match="it hangs: no sign of life for 1 s"):
        run_python("import time; print('a', flush=True); time.sleep(60)", silence_s=1)


def test_a_process_that_closes_its_output_and_stays_is_killed():
    with pytest.raises(BenchmarkError, match="it hangs"):
        run_python("import os, time; os.close(1); time.sleep(60)", silence_s=1)


def test_signs_of_life_keep_a_slow_process_alive():
    code = "import time\nfor i in range(5):\n    print('.', flush=True); time.sleep(0.4)"
    assert len(run_python(code, silence_s=1.5)) == 5
