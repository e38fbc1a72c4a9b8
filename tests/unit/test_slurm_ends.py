from __future__ import annotations

import pytest

from sactui.slurm import ends, reasons
from sactui.slurm.ends import Ended


@pytest.mark.parametrize(
    ("end", "sentence", "remedy"),
    [
        (Ended("TIMEOUT", time_limit=3600), "was killed by Slurm: time limit of 01:00:00 reached", "--time"),
        (
            Ended("OUT_OF_MEMORY", asked_memory_mib=1024, memory_used_mib=1500, elapsed=60),
            "it used more memory than the 1G it asked for (largest task seen: 1.5G) after 00:01:00",
            "--mem=2G",
        ),
        (Ended("NODE_FAIL", node_list="n[1-2]"), "a node of it failed (one of n[1-2])", "submit it again"),
        (Ended("PREEMPTED", elapsed=60), "after 00:01:00 to make room", "not preempted"),
        (Ended("CANCELLED by 1000", canceled_by="1000", user_id=1000), "cancelled by its own user", ""),
        (Ended("CANCELLED", canceled_by="0", user_id=1000), "by an administrator (root)", ""),
        (Ended("CANCELLED", canceled_by="77", user_id=1000), "by user 77", ""),
        (Ended("CANCELLED"), "by its user or an administrator", ""),
        (Ended("FAILED", exit_status=127), "exit status 127 (a command was not found)", "module"),
        (Ended("FAILED", exit_status=0, exit_signal=9), "signal 9 SIGKILL", "memory"),
        (Ended("FAILED", exit_status=139), "exit status 139, signal 11 SIGSEGV", "output"),
        (Ended("FAILED", exit_status=3), "ended with exit status 3", "output"),
        (Ended("FAILED", "JobLaunchFailure"), "could not be launched", "directory"),
        (Ended("COMPLETED", exit_status=0, elapsed=60), "exit status 0 after 00:01:00", ""),
        (Ended("COMPLETED", exit_status=0, derived_status=2), "a step of it ended with 2", "steps"),
        (Ended("BOOT_FAIL"), "did not boot", "submit it again"),
        (Ended("DEADLINE"), "deadline", "deadline"),
        (Ended("FANTASY"), "FANTASY, which sactui does not know", ""),
    ],
)
def test_the_cause_and_what_to_do(end: Ended, sentence: str, remedy: str) -> None:
    said, what = ends.explain(end)
    assert sentence in said
    assert remedy in what


def test_a_folded_array_has_several_reasons() -> None:
    reason = reasons.explain("JobArrayTaskLimit,JobHeldUser")
    assert "so many tasks at once; for some of its tasks: it is held by its user" in reason.sentence
    assert reason.remedy == "release it"
    assert "set aside" in reasons.explain("ReqNodeNotAvail, Reserved for maintenance").sentence
