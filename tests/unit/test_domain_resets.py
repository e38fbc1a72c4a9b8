from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from sactui.domain.resets import reset_at

SAID = datetime(2026, 11, 21, 18, 45, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8:10pm (UTC)", datetime(2026, 11, 21, 20, 10, tzinfo=UTC)),
        ("7:30pm (UTC)", datetime(2026, 11, 21, 19, 30, tzinfo=UTC)),
        ("7:30pm (Europe/Amsterdam)", datetime(2026, 11, 22, 18, 30, tzinfo=UTC)),
        ("8:30 PM (Europe/Amsterdam)", datetime(2026, 11, 21, 19, 30, tzinfo=UTC)),
        ("12am (UTC)", datetime(2026, 11, 22, tzinfo=UTC)),
        ("20:10 (UTC)", datetime(2026, 11, 21, 20, 10, tzinfo=UTC)),
        ("Nov 24, 9am (UTC)", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("January 2 at 9am (UTC)", datetime(2027, 1, 2, 9, tzinfo=UTC)),
        ("3 hours 12 minutes", datetime(2026, 11, 21, 21, 57, tzinfo=UTC)),
        ("2d 1h", datetime(2026, 11, 23, 19, 45, tzinfo=UTC)),
    ],
)
def test_the_first_such_time_after_it_was_said(text: str, expected: datetime) -> None:
    assert reset_at(text, SAID) == expected.timestamp()


@pytest.mark.parametrize(
    "text", ["", "soon", "7:30pm", "25:70 (UTC)", "13pm (UTC)", "7pm (Not/A_Zone)", "Feb 30, 7pm (UTC)"]
)
def test_what_cannot_be_known_is_not_guessed(text: str) -> None:
    assert reset_at(text, SAID) is None


def test_a_change_of_clocks_between() -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    said = datetime(2026, 10, 24, 22, 0, tzinfo=zone)  # summer time ends in that night
    assert (
        reset_at("9pm (Europe/Amsterdam)", said.timestamp())
        == datetime(2026, 10, 25, 21, tzinfo=zone).timestamp()
    )
