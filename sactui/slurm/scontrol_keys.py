"""The keys that ``scontrol show`` prints, of all versions from 18.08 to 25.x."""

from __future__ import annotations


def _keys(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Keys of a job that every version prints for every job.
JOB_ALWAYS = _keys(
    """JobId JobName UserId GroupId MCS_label Priority Nice Account QOS JobState Reason Dependency
        Requeue Restarts BatchFlag Reboot ExitCode RunTime TimeLimit TimeMin SubmitTime EligibleTime
        StartTime EndTime Deadline SuspendTime SecsPreSuspend LastSchedEval Partition AllocNode:Sid
        NodeList NumNodes NumCPUs MinTmpDiskNode Features DelayBoot OverSubscribe Contiguous Licenses
        Command WorkDir"""
)

#: Keys of a job whose value its user writes.
JOB_USER_TEXT = _keys(
    """JobName Comment AdminComment SystemComment Command WorkDir StdErr StdIn StdOut Extra WCKey
        Network Container MailUser CrontabSpec SubmitLine"""
)

JOB_KEYS = (
    JOB_ALWAYS
    | JOB_USER_TEXT
    | _keys(
        """ReqNodeList ExcNodeList CompletingTime ConsolidateSegments ExpeditedRequeue FailedNode
        GresAllowTaskSharing GresOneTaskPerSharing KillOnInvalidDependent ResvPorts SpreadSegments
        StepMgrEnabled ArrayJobId ArrayTaskId ArrayTaskThrottle HetJobId HetJobOffset HetJobIdSet
        PackJobId PackJobOffset PackJobIdSet DerivedExitCode AccrueTime ResizeTime CronJob
        PreemptEligibleTime PreemptTime Scheduler BatchFeatures BatchHost FedOrigin FedViableSiblings
        FedActiveSiblings SchedNodeList NumTasks CPUs/Task ReqB:S:C:T TRES ReqTRES AllocTRES Socks/Node
        NtasksPerN:B:S:C NtasksPerTRES CoreSpec ThreadSpec JOB_GRES MinCPUsNode MinMemoryNode
        MinMemoryCPU ClusterFeatures Prefer Reservation LicensesAlloc Switches BurstBuffer
        BurstBufferState Power GresEnforceBind KillOInInvalidDependent SpreadJob CpusPerTres MemPerTres
        TresBind TresFreq TresPerJob TresPerNode TresPerSocket TresPerTask MailType ContainerID
        SELinuxContext GresAllocNode SegmentSize OOMKillStep SLUID TopologyIdx Exclusive"""
    )
)

NODE_KEYS = _keys(
    """NodeName Arch CoresPerSocket CPUAlloc CPUEfctv CPUErr CPUTot CPULoad AvailableFeatures
        ActiveFeatures Gres GresDrain GresUsed NodeAddr NodeHostName BcastAddr Port Version OS
        RealMemory AllocMem FreeMem Sockets Boards CoreSpecCount CPUSpecList MemSpecLimit State
        ThreadsPerCore TmpDisk Weight Owner MCS_label NextState Partitions BootTime SlurmdStartTime
        LastBusyTime ResumeAfterTime CfgTRES AllocTRES CapWatts CurrentWatts AveWatts LowestJoules
        ConsumedJoules ExtSensorsJoules ExtSensorsWatts ExtSensorsTemp Reason Comment Extra InstanceId
        InstanceType ReservationName CpuBind Topology RestrictedCoresPerGPU TLSCertTokenSet
        TLSCertLastRenewal EnergyPerf PowerMgmt"""
)

PARTITION_KEYS = _keys(
    """PartitionName AllowGroups AllowAccounts DenyAccounts AllowQos DenyQos AllocNodes Default CpuBind
        QoS DefaultTime DisableRootJobs ExclusiveUser ExclusiveTopo GraceTime Hidden MaxNodes MaxTime
        MinNodes LLN MaxCPUsPerNode MaxCPUsPerSocket NodeSets Nodes PriorityJobFactor PriorityTier
        RootOnly ReqResv OverSubscribe OverTimeLimit PreemptMode PowerDownOnIdle ResumeTimeout
        SuspendTime SuspendTimeout State TotalCPUs TotalNodes SelectTypeParameters JobDefaults
        DefMemPerCPU DefMemPerNode MaxMemPerCPU MaxMemPerNode TRES TRESBillingWeights Alternate Topology"""
)

WINDOW_KEYS = _keys(
    """ReservationName StartTime EndTime Duration Nodes NodeCnt CoreCnt NodeName CoreIDs Features
        PartitionName Flags TRES Users Groups Accounts Licenses State BurstBuffer Watts MaxStartDelay
        Comment Qos AllowedPartitions"""
)
