"""Booking without a cluster: what is refused, what is not known, and what never happened."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
from dataclasses import replace

import pytest

from sactui import clock
from sactui.core import booking
from sactui.core.link import HostLink
from sactui.core.plan import Outcome, Result
from sactui.domain.job import Job
from sactui.domain.state import Phase
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


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"persistent": True, "time": "1:00:00"}, "time"),
        ({"persistent": True, "time": "2:00:00"}, "time"),
        ({"persistent": True, "generations": 0}, "generations"),
        ({"persistent": True, "until": 1}, "until"),
        ({"nodes": 0}, "nodes"),
    ],
)
def test_a_persistent_booking_that_would_get_no_successor_is_refused(
    options: dict[str, object], field: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        booking.check(request(**options))
    assert caught.value.message.startswith(field)
    booking.check(request(persistent=True, time="2:00:01"))


def test_a_booking_is_interrupted_only_when_nobody_is_at_it() -> None:
    lease = booking.new_lease(booking.plan_book(request(cpus=1), uuid="ab12"))
    assert lease.ours["intent"] == "book"
    assert booking.interrupted(lease), "this very process is at something else by now"
    other = lease.with_ours(by={"pid": os.getppid(), "on": platform.node()})
    assert not booking.interrupted(other), "whoever began it still runs"
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert booking.interrupted(lease.with_ours(by={"pid": gone.pid, "on": platform.node()}))
    elsewhere = lease.with_ours(by={"pid": 1, "on": "another-machine"})
    assert not booking.interrupted(elsewhere)
    with clock.frozen(clock.now() + 3600):
        assert booking.interrupted(elsewhere), "an sbatch of an hour ago is over"


def test_what_a_site_gives_is_compared_with_what_was_asked() -> None:
    asked = request(cpus=4, memory="8G", time="7-0", partition="a,b", qos="normal", account="x")
    job = Job(7, "pool", "ada", "RUNNING", Phase.RUNNING, partition="b", account="x", qos="normal", nodes=1)
    same = replace(job, cpus=4, memory_mib=8192, time_limit=7 * 86400)
    assert booking.differences(asked, same) == ()
    other = replace(same, qos="low", memory_mib=4096, time_limit=3600, cpus=2)
    assert booking.differences(asked, other) == (
        "QOS low instead of normal",
        "01:00:00 instead of 7-00:00:00",
        "2 CPUs instead of 4",
        "4096 MiB instead of 8192 MiB",
    )
