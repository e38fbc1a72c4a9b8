from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.slurm.version import LATEST, capabilities, missing, parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("slurm 22.05.8\n", (22, 5, 8)),
        ("slurm-wlm 24.11.3", (24, 11, 3)),
        ("slurm 23.11.0-0rc1", (23, 11, 0)),
        ("slurm 20.02", (20, 2, 0)),
        ("squeue: not found", None),
        ("", None),
        ("slurm 99.99.9", None),
    ],
)
def test_versions(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


def test_what_each_version_can_do() -> None:
    old = capabilities((18, 8, 9))
    assert set(missing(old)) == {
        "me",
        "long_format",
        "overlap",
        "json_details",
        "submit_line",
        "accounted_reason",
    }
    assert capabilities((20, 2, 0)).long_format
    assert not capabilities((20, 2, 0)).overlap
    assert not capabilities((22, 5, 8)).json_details
    assert capabilities((23, 2, 0)).json_details
    assert missing(capabilities((25, 5, 0))) == {}
    assert missing(LATEST) == {}


def test_every_missing_one_has_a_reason() -> None:
    assert all("before" in reason for reason in missing(capabilities((18, 8, 0))).values())


def test_an_unknown_version_is_asked_in_the_oldest_way_but_steps_still_share() -> None:
    able = capabilities(None)
    assert able.overlap
    assert not able.long_format
    assert not able.me


@given(st.text())
def test_any_text(text: str) -> None:
    capabilities(parse_version(text))
