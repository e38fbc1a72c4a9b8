"""Login hosts that die, and login hosts of another cluster."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from sactui.core.controller import Configuration, Controller
from sactui.domain.state import Link
from sactui.lab import Lab
from sactui.lab.faults import wait_until
from sactui.transport.choice import Route
from tests.lab.test_slice import until

pytestmark = pytest.mark.lab


def configuration(lab: Lab, tmp_path: Path) -> Configuration:
    return Configuration(
        hosts=("pair",),
        routes={"pair": Route("ssh", lab.aliases[:2])},
        lease_directory=tmp_path / "leases",
        state_directory=tmp_path / "state",
        ssh_config=lab.ssh_config,
        interval=2.0,
        follow_files=False,
    )


def test_a_dead_login_host_is_left_for_the_next_one_and_the_rows_stay(mended: Lab, tmp_path: Path) -> None:
    job = mended.slurm("sbatch", "--parsable", "-p", "main", "--wrap", "sleep 600").strip()

    async def run() -> None:
        async with Controller(configuration(mended, tmp_path)) as controller:
            host = await controller.host("pair")
            await until(lambda: bool(controller.fleet.jobs), "the job", 60)
            assert host.link.transport.login_host == mended.aliases[0]
            gone: list[bool] = []
            controller.listen(lambda fleet: gone.append(not fleet.jobs))
            mended.faults.kill("login1")
            await until(
                lambda: host.link.state is Link.UP and host.link.transport.login_host == mended.aliases[1],
                "the second login host",
                60,
            )
            at = controller.fleet.jobs_at["pair"]
            await until(lambda: controller.fleet.jobs_at["pair"] > at, "a look through it", 60)
            assert not any(gone)
            assert controller.fleet.hosts[0].troubles == ()

    try:
        asyncio.run(run())
    finally:
        mended.slurm("scancel", job)
        wait_until(lambda: not mended.slurm("squeue", "-h", "-j", job).strip(), "the job is left", 60)


def test_a_login_host_of_another_cluster_is_never_used(mended: Lab, tmp_path: Path) -> None:
    async def run() -> None:
        async with Controller(configuration(mended, tmp_path)) as controller:
            host = await controller.host("pair")
            await until(lambda: host.link.hello is not None, "the first login", 60)
            # The login host answers for a cluster of another name than was seen before.
            assert host.link.hello is not None
            host.link.hello = replace(host.link.hello, cluster="elsewhere")
            mended.faults.kill("login1")
            await until(
                lambda: host.link.trouble is not None and "cluster" in host.link.trouble.what, "it", 60
            )
            assert host.link.trouble is not None
            assert "not root on elsewhere" in host.link.trouble.what.replace(host.link.hello.user, "root")
            assert "login_hosts" in host.link.trouble.remedy
            assert not host.link.transport.connected

    asyncio.run(run())
