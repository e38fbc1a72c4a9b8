"""A private Slurm cluster on this machine, for the demo and the tests.

Real daemons (munged, slurmctld, slurmd, sshd), nodes of made-up size, one directory,
no privileges needed; every process ends with the lab::

    with Lab(LabOptions(name="lab", nodes=2)) as lab:
        lab.ssh("sbatch --wrap 'sleep 60'")
        lab.faults.kill("slurmctld")
"""

from __future__ import annotations

from sactui.lab.cluster import Lab, down, names, status, up
from sactui.lab.config import LabOptions, Partition
from sactui.lab.report import Report

__all__ = ["Lab", "LabOptions", "Partition", "Report", "down", "names", "status", "up"]
