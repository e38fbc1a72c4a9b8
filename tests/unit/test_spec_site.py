from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.site import Site
from sactui.spec.site import parse


def test_no_file_wishes_nothing() -> None:
    assert parse(b"") == parse(b"\n") == Site()


def test_all_wishes() -> None:
    site = parse(
        b"min_interval: 30\nall_users: false\npersistent: false\nmax_channels: 1\n"
        b'message: " be kind\\e[31m"\n'
    )
    assert (site.min_interval, site.all_users, site.persistent, site.max_channels) == (30.0, False, False, 1)
    assert site.message.startswith("be kind")
    assert "\x1b" not in site.message
    assert site.mistakes == ()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (b"min_interval: fast\npersistent: false\n", "min_interval: must be seconds"),
        (b"min_interval: -1\npersistent: false\n", "min_interval: must be seconds"),
        (b"persistent: false\nmax_channels: many\n", "max_channels: must be a number"),
        (b"persistent: false\nall_users: 1\n", "all_users: must be true or false"),
        (b"persistent: false\nmessage: [a]\n", "message: must be text"),
        (b"persistent: false\nmin-interval: 3\n", "min-interval: not a key"),
    ],
)
def test_a_mistake_is_named_and_takes_nothing_else_along(text: bytes, mistake: str) -> None:
    site = parse(text)
    assert not site.persistent
    assert site.mistakes[0].startswith(mistake)
    assert parse(b"- a\n").mistakes
    assert parse(b"a: [\n").mistakes


@given(st.binary(max_size=200))
def test_nothing_in_the_file_breaks_it(raw: bytes) -> None:
    assert parse(raw).min_interval >= 0
