"""Booking without a cluster: what is refused, what is not known, and what never happened."""

from __future__ import annotations

import asyncio

import pytest

from sactui.core import booking
from sactui.core.link import HostLink
from sactui.core.plan import Outcome, Result
from sactui.errors import SettingsError
from sactui.runtimes.hold import HoldOptions
from sactui.transport.script import Answer


def request(**options: object) -> booking.BookRequest:
    return booking.BookRequest("pool", "spartan", HoldOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"cpus": 0}, "cpus"),
        ({"memory": "16"}, "memory"),
        ({"time": "soon"}, "time"),
        ({"partition": "a b"}, "partition"),
        ({"account": "x;y"}, "account"),
        ({"tmux_prefix": "a/b"}, "tmux server"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(options: dict[str, object], field: str) -> None:
    with pytest.raises(SettingsError) as caught:
        booking.check(request(**options))
    assert caught.value.message.startswith(field)


@pytest.mark.parametrize("name", ["", "a.b", "a b", "-x", "x" * 80, "a\nb"])
def test_names_that_fit_nowhere_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="name"):
        booking.check(booking.BookRequest(name, "spartan", HoldOptions()))


def submitted(stdout: bytes, stderr: bytes, status: int) -> Outcome:
    """What comes of a submit that is answered so."""

    class Link:
        host = "spartan"

        async def ask(self, *sections: object, timeout: float = 0) -> dict[str, Answer]:
            return {"submit": Answer(stdout, status, 0.1, True, stderr)}

    link: HostLink = Link()  # type: ignore[assignment]
    return asyncio.run(booking.submit(link, booking.plan_book(request(cpus=1), uuid="ab12")))


def test_an_id_is_the_only_proof_of_a_submit() -> None:
    assert submitted(b"4711\n", b"", 0) == Outcome(Result.DONE, "pool is job 4711 on spartan", "4711")


def test_a_refusal_is_slurms_own_words() -> None:
    outcome = submitted(b"", b"sbatch: error: invalid partition specified: nosuch\n", 1)
    assert outcome.result is Result.FAILED
    assert "partition" in outcome.message


def test_a_host_without_a_configuration_took_nothing() -> None:
    stderr = b"sbatch: fatal: Could not establish a configuration source\n"
    assert submitted(b"", stderr, 1).result is Result.FAILED
