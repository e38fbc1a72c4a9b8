from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.errors import SlurmError
from sactui.slurm import errors

CASES = [
    (
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "controller",
        "controller",
        False,
    ),
    ("slurm_load_jobs error: Socket timed out on send/recv operation", "controller", "controller", False),
    ("slurm_load_jobs error: Zero Bytes were transmitted or received", "controller", "controller", False),
    ("squeue: error: slurm_receive_msg: Connection timed out", "controller", "controller", False),
    ("slurm_load_jobs error: Protocol authentication error", "munge", "controller", False),
    ("sbatch: error: If munged is up, restart with --num-threads=10", "munge", "controller", False),
    (
        "Batch job submission failed: Rate limit exceeded, please retry momentarily",
        "busy",
        "controller",
        False,
    ),
    ("sacct: error: Problem talking to the database: slurmdbd", "accounting", "controller", False),
    ("srun: fatal: Unable to process configuration file", "config", "controller", False),
    ("/bin/sh: 3: squeue: not found", "no-command", "request", False),
    (
        "srun: error: Unable to create step for job 2: Step limit reached for this job",
        "step-limit",
        "node",
        True,
    ),
    (
        "srun: error: Unable to confirm allocation for job 9: Job is pending execution",
        "pending",
        "node",
        True,
    ),
    (
        "srun: Job 5 step creation temporarily disabled, retrying (Requested nodes are busy)",
        "busy-nodes",
        "node",
        True,
    ),
    (
        "srun: error: Unable to create step for job 5: Memory required by task is not available",
        "memory-busy",
        "node",
        True,
    ),
    (
        "slurmstepd: error: *** STEP 5.0 ON c1 CANCELLED AT 2026-11-21T05:29:06 ***",
        "step-killed",
        "node",
        True,
    ),
    (
        "slurmstepd: error: *** STEP 5.0 ON c1 CANCELLED AT 1 DUE TO TIME LIMIT ***",
        "time-limit",
        "node",
        True,
    ),
    (
        "slurmstepd: error: *** STEP 5.0 ON c1 CANCELLED AT 1 DUE TO NODE FAILURE, SEE SLURMCTLD LOG ***",
        "step-killed",
        "node",
        True,
    ),
    ("slurmstepd-c1: error: execve(): tmux: No such file or directory", "no-program", "node", True),
    (
        "srun: error: Unable to confirm allocation for job 999: Invalid job id specified",
        "gone",
        "request",
        True,
    ),
    ("srun: error: Job 5 has expired or Expired or invalid job 5", "gone", "request", True),
    ("Job/step already completing or completed", "gone", "request", True),
    ("scancel: error: Kill job error on job id 21: Access/permission denied", "permission", "request", True),
    ("slurm_suspend error: Invalid user id", "permission", "request", True),
    (
        "Batch job submission failed: Invalid account or account/partition combination specified",
        "account",
        "request",
        True,
    ),
    ("sbatch: error: Batch job submission failed: Invalid qos specification", "qos", "request", True),
    (
        "sbatch: error: Batch job submission failed: Invalid partition name specified",
        "partition",
        "request",
        True,
    ),
    (
        "Batch job submission failed: Job violates accounting/QOS policy "
        "(job submit limit, user's size and/or time limits)",
        "policy",
        "request",
        True,
    ),
    ("Requested time limit is invalid (missing or exceeds some limit)", "time", "request", True),
    ("sbatch: error: Invalid --time specification", "time", "request", True),
    ("Requested node configuration is not available", "nodes", "request", True),
    ('srun: error: Invalid numeric value "1_4" for --jobid.', "pty", "request", True),
    ("sbatch: unrecognized option '--bogus=1'", "directive", "request", True),
]


@pytest.mark.parametrize(("text", "kind", "layer", "definitive"), CASES)
def test_what_a_text_means(text: str, kind: str, layer: str, definitive: bool) -> None:
    error = errors.classify(text)
    assert (error.kind, error.layer, error.definitive) == (kind, layer, definitive)
    assert error.text == text
    assert error.message


def test_expired_counts_for_nothing_behind_a_contact_error() -> None:
    error = errors.classify(
        "srun: error: Unable to confirm allocation for job 3: "
        "Unable to contact slurm controller (connect failure)\n"
        "srun: Check SLURM_JOB_ID environment variable. Expired or invalid job 3\n"
    )
    assert error.layer == "controller"
    assert not error.definitive


def test_the_sentence_carries_slurms_own_words_made_harmless() -> None:
    error = errors.classify(
        "noise\nsbatch: error: Batch job submission failed: Invalid qos specification \x1b[31m\n"
    )
    assert (
        error.message
        == "the QOS is not valid here (Batch job submission failed: Invalid qos specification \\e[31m)"
    )
    assert error.remedy


def test_an_unknown_text_is_repeated_and_nothing_concluded() -> None:
    error = errors.classify("srun: the moon is full")
    assert (error.kind, error.definitive, error.message) == (
        "other",
        False,
        "Slurm said: srun: the moon is full",
    )
    assert errors.classify("").message == "Slurm failed without a word"


@given(st.text())
def test_any_text(text: str) -> None:
    assert isinstance(errors.classify(text), SlurmError)
