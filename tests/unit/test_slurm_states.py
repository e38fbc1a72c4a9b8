from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.state import Phase
from sactui.slurm import states

PHASES = {
    Phase.PENDING: "PENDING CONFIGURING POWER_UP_NODE REQUEUED REQUEUE_HOLD REQUEUE_FED SPECIAL_EXIT "
    "RESV_DEL_HOLD EXPEDITING",
    Phase.RUNNING: "RUNNING COMPLETING SIGNALING STAGE_OUT RESIZING",
    Phase.PAUSED: "SUSPENDED STOPPED",
    Phase.DONE: "COMPLETED",
    Phase.ERROR: "FAILED TIMEOUT NODE_FAIL BOOT_FAIL DEADLINE OUT_OF_MEMORY LAUNCH_FAILED RECONFIG_FAIL",
    Phase.CANCELED: "CANCELLED PREEMPTED REVOKED",
}


@pytest.mark.parametrize(
    ("word", "phase"), [(word, phase) for phase, words in PHASES.items() for word in words.split()]
)
def test_every_state_has_a_phase_and_a_sentence(word: str, phase: Phase) -> None:
    assert states.phase(word) is phase
    assert "does not know" not in states.sentence(word)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("PD", "PENDING"),
        ("R", "RUNNING"),
        ("S", "SUSPENDED"),
        ("CD", "COMPLETED"),
        ("CA", "CANCELLED"),
        ("F", "FAILED"),
        ("TO", "TIMEOUT"),
        ("NF", "NODE_FAIL"),
        ("PR", "PREEMPTED"),
        ("BF", "BOOT_FAIL"),
        ("DL", "DEADLINE"),
        ("OOM", "OUT_OF_MEMORY"),
        ("CG", "COMPLETING"),
        ("CF", "CONFIGURING"),
        ("SI", "SIGNALING"),
        ("SO", "STAGE_OUT"),
        ("ST", "STOPPED"),
        ("RS", "RESIZING"),
        ("RQ", "REQUEUED"),
        ("RH", "REQUEUE_HOLD"),
        ("RF", "REQUEUE_FED"),
        ("SE", "SPECIAL_EXIT"),
        ("RD", "RESV_DEL_HOLD"),
        ("RV", "REVOKED"),
    ],
)
def test_compact_codes(code: str, word: str) -> None:
    assert states.word(code) == word


def test_accounting_writes_more_behind_the_word() -> None:
    assert states.word("CANCELLED by 1000") == "CANCELLED"
    assert states.canceled_by("CANCELLED by 1000") == "1000"
    assert states.canceled_by("COMPLETED") == ""
    assert states.word("CANCELLED+") == "CANCELLED"


def test_an_unknown_word_is_kept_and_unknown() -> None:
    assert states.word("HIBERNATING") == "HIBERNATING"
    assert states.phase("HIBERNATING") is Phase.UNKNOWN
    assert "HIBERNATING" in states.sentence("HIBERNATING")
    assert states.phase("") is Phase.UNKNOWN


def test_states_as_a_list() -> None:
    assert states.combined(["RUNNING"]) == ("RUNNING", Phase.RUNNING)
    assert states.combined(["COMPLETED", "COMPLETING"]) == ("COMPLETING", Phase.RUNNING)
    assert states.combined(["RUNNING", "CONFIGURING"]) == ("CONFIGURING", Phase.PENDING)
    assert states.combined(["PENDING", "LAUNCH_FAILED"]) == ("PENDING", Phase.PENDING)
    assert states.combined(["RUNNING", "SIGNALING"]) == ("RUNNING", Phase.RUNNING)
    assert states.combined(["NEW_WORD"]) == ("NEW_WORD", Phase.UNKNOWN)
    assert states.combined([]) == ("", Phase.UNKNOWN)


@given(st.text())
def test_any_text(text: str) -> None:
    assert isinstance(states.phase(text), Phase)
    assert states.sentence(text)
