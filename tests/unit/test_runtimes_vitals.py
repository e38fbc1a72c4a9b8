"""What a reservation says of its node, and the sum of what runs in it."""

from __future__ import annotations

import subprocess

from sactui.runtimes import vitals

_ANSWER = """zT b 1
tVr
node bm001
tmux /usr/bin/tmux
version tmux 3.3a
claude \x1b[31m/opt/claude
locale C.UTF-8
proxy http://proxy:3128
generation 2
home 100
work 90000
tVs
successor 12
tVu
3 2048 90
tVw
"""


def test_a_report_is_read_and_judged() -> None:
    found = vitals.parse(_ANSWER, "tV", 50.0, None)
    assert found is not None
    report = found.report
    assert report is not None
    assert (report.node, report.tmux_version, report.generation) == ("bm001", "tmux 3.3a", 2)
    assert "\x1b" not in report.claude, "control bytes of the node are shown, not obeyed"
    assert report.warnings == ("the home directory has 100 MiB left",)
    assert found.said == "successor 12"
    assert (found.processes, found.memory_mib, found.cpu_seconds, found.cpus) == (3, 2, 90.0, None)


def test_cpus_are_a_rate_between_two_looks() -> None:
    before = vitals.parse(_ANSWER, "tV", 50.0, None)
    after = vitals.parse(_ANSWER.replace("3 2048 90", "3 2048 110"), "tV", 60.0, before)
    assert after is not None
    assert after.cpus == 2.0


def test_half_an_answer_is_none() -> None:
    assert vitals.parse(_ANSWER.removesuffix("tVw\n"), "tV", 50.0, None) is None
    other = vitals.parse("tVr\ntVs\ntVu\n\ntVw\n", "tV", 50.0, None)
    assert other is not None
    assert (other.report, other.memory_mib) == (None, None)


def test_the_sum_is_that_of_all_below_the_server_and_nobody_else() -> None:
    table = "1 0 9 00:00:09\n10 1 100 00:00:01\n11 10 1000 01:01\n12 11 1 1-00:00:00\n20 1 5 00:01\n"
    done = subprocess.run(
        ["awk", "-v", "root=10", vitals._SUM], input=table, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2", "1001", str(86400 + 61)]
