from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.slurm import reasons

FIXED = """None Prolog Priority Dependency Resources PartitionNodeLimit PartitionTimeLimit PartitionDown
PartitionInactive JobHeldAdmin JobHeldUser BeginTime Licenses AssociationJobLimit AssociationResourceLimit
AssociationTimeLimit Reservation ReqNodeNotAvail FrontEndDown SchedDefer NodeDown BadConstraints SystemFailure
JobLaunchFailure NonZeroExitCode RaisedSignal TimeLimit InactiveLimit InvalidAccount InvalidQOS
QOSUsageThreshold QOSJobLimit QOSResourceLimit QOSTimeLimit Cleaning QOSNotAllowed AccountNotAllowed
DependencyNeverSatisfied JobHoldMaxRequeue JobArrayTaskLimit BurstBufferResources BurstBufferStageIn
BurstBufferOperation DeadLine PartitionConfig AccountingPolicy FedJobLock OutOfMemory MaxMemPerLimit
ReservationDeleted ReservationInvalid Constraints MaxPoweredUpNodes MpiPortsBusy WaitingForScheduling"""

LIMITS = """QOSGrpCpuLimit QOSGrpCPUMinutesLimit QOSGrpCPURunMinutesLimit QOSGrpJobsLimit QOSGrpMemLimit
QOSGrpNodeLimit QOSGrpSubmitJobsLimit QOSGrpWallLimit QOSMaxCpuPerJobLimit QOSMaxCpuMinutesPerJobLimit
QOSMaxNodePerJobLimit QOSMaxWallDurationPerJobLimit QOSMaxCpuPerUserLimit QOSMaxJobsPerUserLimit
QOSMaxNodePerUserLimit QOSMaxSubmitJobPerUserLimit QOSMinCpuNotSatisfied AssocGrpCpuLimit
AssocGrpCPUMinutesLimit AssocGrpCPURunMinutesLimit AssocGrpJobsLimit AssocGrpMemLimit AssocGrpNodeLimit
AssocGrpSubmitJobsLimit AssocGrpWallLimit AssocMaxJobsLimit AssocMaxCpuPerJobLimit
AssocMaxCpuMinutesPerJobLimit AssocMaxNodePerJobLimit AssocMaxWallDurationPerJobLimit
AssocMaxSubmitJobLimit AssocGrpUnknown AssocGrpUnknownMinutes AssocGrpUnknownRunMinutes
AssocMaxUnknownPerJob AssocMaxUnknownPerNode AssocMaxUnknownMinutesPerJob AssocMaxCpuPerNode
AssocGrpMemMinutes AssocGrpMemRunMinutes AssocMaxMemPerJob AssocMaxMemPerNode AssocMaxMemMinutesPerJob
AssocGrpNodeMinutes AssocMaxEnergyPerNode AssocGrpGRES AssocGrpGRESRunMinutes AssocMaxGRESPerJob
AssocMaxLicensePerJob AssocGrpBB AssocMaxBBMinutesPerJob QOSMaxMemoryPerJob QOSMaxMemoryPerUser QOSMinMemory
QOSMinNode QOSGrpMemoryMinutes QOSGrpGRES QOSMaxGRESPerUser QOSMinGRES QOSMinLicense QOSGrpBB QOSMinBB
MaxBBPerAccount MaxCpuPerAccount MaxEnergyPerAccount MaxGRESPerAccount MaxNodePerAccount MaxLicensePerAccount
MaxMemoryPerAccount MaxUnknownPerAccount MaxJobsPerAccount MaxSubmitJobsPerAccount AssocGrpBilling
AssocMaxBillingPerNode QOSGrpBillingRunMinutes QOSMaxBillingPerUser MaxBillingPerAccount QOSMinBilling
MaxBBRunMinsPerAccount MaxCpuRunMinsPerUser MaxGRESRunMinsPerUser MaxMemoryRunMinsPerAccount
MaxUnknownRunMinsPerUser"""


@pytest.mark.parametrize("word", [*FIXED.split(), *LIMITS.split()])
def test_every_reason_of_slurm_is_known(word: str) -> None:
    reason = reasons.explain(word)
    assert reason.known
    assert reason.sentence
    assert reason.remedy


def test_limits_say_what_and_whose() -> None:
    assert reasons.explain("QOSMaxGRESPerUser").sentence == (
        "your jobs together have reached the limit of GPUs or other devices of its QOS"
    )
    assert "account" in reasons.explain("AssocGrpCpuLimit").sentence
    assert "time in one job" in reasons.explain("QOSMaxWallDurationPerJobLimit").sentence
    assert "less CPUs" in reasons.explain("QOSMinCpuNotSatisfied").sentence
    assert "x minutes" in reasons.explain("AssocGrpCPURunMinutesLimit").sentence


def test_details_behind_the_word() -> None:
    reason = reasons.explain("ReqNodeNotAvail, UnavailableNodes:c[1-2]")
    assert (reason.word, reason.detail) == ("ReqNodeNotAvail", "UnavailableNodes:c[1-2]")
    assert "c[1-2]" in reason.sentence
    maintenance = reasons.explain("ReqNodeNotAvail, Reserved for maintenance")
    assert "maintenance" in maintenance.sentence
    assert "shorten" in maintenance.remedy
    assert "another job" in reasons.explain("ReqNodeNotAvail, May be reserved for other job").sentence


def test_sentences_in_the_place_of_words() -> None:
    text = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
    reason = reasons.explain(text)
    assert reason.word == "ReqNodeNotAvail"
    assert reason.detail == text
    assert reasons.explain("launch failed requeued held").word == "JobLaunchFailure"
    assert reasons.explain("(Resources)").word == "Resources"


def test_none_and_unknown() -> None:
    assert reasons.explain("").known
    unknown = reasons.explain("MoonPhase")
    assert not unknown.known
    assert "MoonPhase" in unknown.sentence


@given(st.text())
def test_any_text(text: str) -> None:
    assert reasons.explain(text).sentence
