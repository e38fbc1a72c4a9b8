"""What every script that calls Slurm starts with.

Users' variables change what Slurm's commands do without a word: ``SQUEUE_PARTITION``
empties the queue with exit status 0, ``SCANCEL_STATE`` keeps a cancelled job alive,
``SBATCH_TIMELIMIT`` books one minute, ``SLURM_LABELIO`` garbles the output of a step.
"""

from __future__ import annotations

import re

from ..errors import Refused

#: Families of variables that are options of a command.
_COMMANDS = ("SQUEUE", "SINFO", "SACCT", "SCANCEL", "SBATCH", "SRUN", "SALLOC", "SCONTROL", "SPRIO", "SSHARE")
FAMILIES = tuple(f"{command}_" for command in _COMMANDS)

#: Variables of the SLURM_ family that srun, sbatch or all commands take as options. The
#: family as a whole stays: SLURM_CONF names the cluster, SLURM_JWT is the credential.
_OPTION_NAMES = """CLUSTERS DEBUG_FLAGS JSON YAML TIME_FORMAT BITSTR_LEN
    ACCOUNT ACCTG_FREQ ARBITRARY_NODELIST BCAST BCAST_EXCLUDE BURST_BUFFER CLUSTER_CONSTRAINT COMPRESS
    CONSTRAINT CONTAINER CONTAINER_ID CORE_SPEC CPUS_PER_GPU CPUS_PER_TASK CPU_BIND CPU_BIND_LIST
    CPU_BIND_TYPE CPU_BIND_VERBOSE CPU_FREQ_REQ DEBUG DELAY_BOOT DEPENDENCY DISABLE_STATUS DISTRIBUTION
    DIST_PLANESIZE EPILOG EXACT EXCLUSIVE EXIT_ERROR EXIT_IMMEDIATE EXPORT_ENV EXTERNAL_LAUNCHER
    GET_USER_ENV GPUS GPUS_PER_NODE GPUS_PER_SOCKET GPUS_PER_TASK GPU_BIND GPU_FREQ GRES GRES_FLAGS
    HET_SIZE HINT HOSTFILE IMMEDIATE JOBID JOB_ACCOUNT JOB_CPUS_PER_NODE JOB_ID JOB_NAME JOB_NODELIST
    JOB_NUM_NODES JOB_PARTITION JOB_QOS JOB_RESERVATION JOB_SEGMENT_SIZE KILL_BAD_EXIT LABELIO MEM_BIND
    MEM_BIND_LIST MEM_BIND_PREFER MEM_BIND_SORT MEM_BIND_TYPE MEM_BIND_VERBOSE MEM_PER_CPU MEM_PER_GPU
    MEM_PER_NODE MPI_TYPE NCORES_PER_SOCKET NETWORK NNODES NODELIST NO_KILL NPROCS NSOCKETS_PER_NODE
    NTASKS NTASKS_PER_CORE NTASKS_PER_GPU NTASKS_PER_NODE NTASKS_PER_SOCKET NTASKS_PER_TRES OOM_KILL_STEP
    OPEN_MODE OVERCOMMIT OVERLAP PACK_SIZE PARTITION POWER PROFILE PROLOG QOS REMOTE_CWD REQ_SWITCH
    RESERVATION RESV_PORTS RUNTIME SEND_LIBS SIGNAL SPREAD_JOB SRUN_MULTI SRUN_REDUCE_TASK_EXIT_MSG
    STDERRMODE STDINMODE STDOUTMODE STEPID STEP_GRES STEP_ID STEPMGR TASKS_PER_NODE TASK_EPILOG
    TASK_PROLOG TEST_EXEC THREADS THREADS_PER_CORE THREAD_SPEC TIMELIMIT TRES_BIND TRES_PER_TASK UMASK
    UNBUFFEREDIO USE_MIN_NODES WAIT WAIT4SWITCH WCKEY WORKING_CLUSTER WORKING_DIR"""
OPTIONS = tuple(_OPTION_NAMES.split())

#: The longest task expression of an array that is asked for: enough for thousands of
#: single tasks, and a bound on what one record can weigh.
ARRAY_TEXT = 4096


def _preamble() -> str:
    families = "|".join(f"{family}*" for family in FAMILIES)
    options = " ".join(f"SLURM_{name}" for name in OPTIONS)
    # A value with a line break may look like a further variable to sed. At worst a name
    # of these families that does not exist is unset; none that exists is missed, because
    # env prints each name at the start of a line. LC_ALL=C: sed must not trip over bytes.
    # The grouping of sed is written as two substitutions, so that any sed takes it.
    return (
        "unset IFS\n"
        f"unset {options}\n"
        "for sactui_v in $(env | LC_ALL=C sed -n '/^S[A-Z]*_[A-Za-z0-9_]*=/{s/=.*//;p;}'); do\n"
        f'  case "$sactui_v" in {families}) unset "$sactui_v" ;; esac\n'
        "done\n"
        "unset sactui_v\n"
        f"SLURM_TIME_FORMAT=%s SLURM_BITSTR_LEN={ARRAY_TEXT}\n"
        "export SLURM_TIME_FORMAT SLURM_BITSTR_LEN\n"
        'if [ -z "${LC_ALL:-}${LC_CTYPE:-}${LANG:-}" ]; then LC_CTYPE=C.UTF-8; export LC_CTYPE; fi\n'
    )


#: POSIX shell text: Slurm's commands mean what they say, times are epoch seconds.
#: ``SLURM_CONF`` and credentials stay. ``SACTUI`` is the caller's to set.
PREAMBLE = _preamble()

#: Shell text before sbatch: a job must not inherit how *we* read Slurm's output.
BEFORE_SUBMIT = "unset SLURM_TIME_FORMAT SLURM_BITSTR_LEN\n"


def of_cluster(name: str) -> str:
    """Shell text after :data:`PREAMBLE` for one of several clusters behind a login.

    It is ``-M`` for every command at once. Empty for the login's own cluster. Raises
    Refused for what cannot be one cluster's name: with several the ids of jobs would be
    ambiguous.
    """
    if not name:
        return ""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise Refused(
            f"{name!r} is not the name of one Slurm cluster", "see: sacctmgr show cluster; one entry for each"
        )
    return f"SLURM_CLUSTERS={name}\nexport SLURM_CLUSTERS\n"


def unwanted(name: str) -> bool:
    """True for a variable that :data:`PREAMBLE` takes away; for other programs' ways to
    start Slurm's commands."""
    return bool(re.fullmatch(r"[A-Za-z0-9_]+", name)) and (
        name.startswith(FAMILIES) or (name.startswith("SLURM_") and name.removeprefix("SLURM_") in OPTIONS)
    )
