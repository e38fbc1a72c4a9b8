from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from sactui.spec.definition import AgentDefinition, SlurmSettings, StartupCommand
from sactui.spec.effects import NO_EFFECT
from sactui.spec.loading import load_agent, name_trouble
from sactui.spec.schema import agent_schema
from sactui.spec.yaml_source import BrokenFileError

HEAD = "apiVersion: scitex-agent-container/v3\nkind: Agent\n"


def write(directory: Path, text: str, name: str = "dev-helper") -> Path:
    path = directory / name / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def spec(directory: Path, body: str, name: str = "dev-helper") -> AgentDefinition:
    """The definition whose spec is ``body`` (a block of YAML)."""
    return load_agent(write(directory, HEAD + "spec:\n" + textwrap.indent(textwrap.dedent(body), "  "), name))


def wrong(directory: Path, body: str) -> list[tuple[int, int, str, str]]:
    """Line within the body, column, message and remedy of every mistake."""
    with pytest.raises(BrokenFileError) as caught:
        spec(directory, body)
    return [(one.line - 3, one.column - 2, one.message, one.remedy) for one in caught.value.mistakes]


def test_the_minimal_tenant_of_the_manual(tmp_path: Path) -> None:
    found = spec(
        tmp_path,
        """\
        runtime: slurm-tenant
        model: sonnet
        slurm:
          reservation: dev-pool
        claude:
          flags: [--dangerously-skip-permissions]
        """,
    )
    assert (found.name, found.runtime, found.model, found.reservation) == (
        "dev-helper",
        "slurm-tenant",
        "sonnet",
        "dev-pool",
    )
    assert found.claude.flags == ("--dangerously-skip-permissions",)
    assert found.claude.session == "continue-or-new"
    assert found.command is None
    assert found.startable
    assert found.notes == ()
    assert found.environment == {
        "CLAUDE_AGENT_ID": "dev-helper",
        "SCITEX_AGENT_CONTAINER_AGENT": "dev-helper",
        "SCITEX_AGENT_CONTAINER_MODEL": "Claude Sonnet",
    }
    assert found.runs_on("anywhere")
    assert Path(found.path).is_absolute()


def test_the_single_agent_of_the_manual(tmp_path: Path) -> None:
    found = spec(
        tmp_path,
        """\
        runtime: slurm
        model: opus
        slurm:
          partition: cascade
          cpus_per_task: 4
          mem: "16G"
          time_limit: "7-00:00:00"
          auto_resubmit: true
          hooks:
            pre_agent: ~/path/to/module-load.sh # source it
        """,
    )
    assert found.slurm == SlurmSettings(
        partition="cascade",
        cpus_per_task=4,
        mem="16G",
        time_limit="7-00:00:00",
        hooks=found.slurm.hooks,
    )
    assert found.slurm.hooks.pre_agent == "~/path/to/module-load.sh"
    assert found.reservation == ""
    assert found.notes == ()


def test_without_a_slurm_block_the_defaults_are_the_references(tmp_path: Path) -> None:
    for body in (
        "runtime: slurm\n",
        "runtime: slurm\nslurm:\n",
        'runtime: slurm\nslurm: {mem: "", signal: ""}\n',
    ):
        block = spec(tmp_path, body).slurm
        assert block == SlurmSettings()
        assert (block.cpus_per_task, block.mem, block.time_limit) == (1, "4G", "1-00:00:00")


EVERYTHING = """\
runtime: slurm
model: opus[1m]
workdir: ~/work
python-venv: [~/.venv, .venv]
env: {PORT: 8080, RATE: 1.5, EMPTY: "", HOME_BIN: "~/bin"}
env-file: .env
screen: {name: other}
container: {runtime: apptainer, image: x.sif, volumes: [a:b], network: host, mount_host_claude: true}
claude:
  channels: [c1]
  flags: ["--a b", --c]
  session: new
  resume_id: "12"
  continue_max_age_minutes: 30
  auto_accept: false
health: {enabled: true, interval: 30, timeout: 5, method: multiplexer-alive}
watchdog: {enabled: true, interval: 1.5, responses: {y_n: "1"}}
restart: {policy: always, max_retries: 3, backoff: {initial: 30, max: 300, multiplier: 2}}
hooks:
  pre_start: [echo a]
  post_start: []
  pre_stop: [b]
  post_stop: [c]
  on_compact: [d]
  on_restart: [e]
  on_diff: [f]
telegram: {bot_token_env: X, allowed_users: [1], auto_connect: true, greeting: hi}
remote: {host: h, user: u, key: k, port: 22, timeout: 60, login_shell: true, no_preflight: false}
slurm:
  partition: p
  time_limit: "01:00:00"
  cpus_per_task: 2
  nodes: 1
  ntasks: 1
  mem: "1024"
  gres: gpu:1
  job_name: j
  signal: "B:USR1@60"
  auto_resubmit: false
  hold: |
    sleep 1
    sleep 2
  logs_dir: ~/l
  hooks: {pre_submit: a, pre_agent: b, walltime_signal: c, post_agent: d, attach: e}
  heartbeat: {command: date, interval_s: 5, log_file: x}
  extra_directives: ["#SBATCH --exclusive"]
skills: {required: [a], available: [b], injection_mode: block, match_by: [tag], match_style: partial}
startup_commands: [{delay: 3, command: /a}]
startup:
  ready_patterns: ["^>", {regex: "x+"}]
  ready_idle_ticks: 2
  ready_poll_interval_seconds: 1
  ready_timeout_seconds: 10.5
  on_timeout: capture_and_fail
  commands: [/b, {delay: 1, command: /c}]
context_management:
  strategy: compact
  trigger_at_percent: 70
  warn_before_n_checks: 1
  check_interval_seconds: 9
  state_file: x
listen: [{port: 80, proto: tcp, name: n, owner: o}, {proto: unix, path: /s}]
extensions:
  other: {anything: [1]}
  sactui: {command: "bash -c 'echo hi'", model_display: M, labels: {role: r2}}
mcp_servers: {m: {command: x, args: ["${metadata.name}"], env: {A: "1"}}}
multiplexer: screen
host: [spartan, cedar]
session: continue
a2a: {port: 1}
orochi: {enabled: true, hosts: [a]}
"""


def test_every_key_of_the_reference_is_accepted_with_its_value_or_a_note(tmp_path: Path) -> None:
    found = spec(tmp_path, EVERYTHING)
    assert found.env == {"PORT": "8080", "RATE": "1.5", "EMPTY": "", "HOME_BIN": "~/bin"}
    assert found.command == ("bash", "-c", "echo hi")
    assert found.claude.session == "continue"
    assert found.labels == {"role": "r2"}
    assert found.environment["SCITEX_AGENT_CONTAINER_MODEL"] == "M"
    assert found.environment["CLAUDE_AGENT_ROLE"] == "r2"
    assert found.startup.patterns == ("^>", "x+")
    assert found.startup.commands == (StartupCommand("/b"), StartupCommand("/c", 1))
    assert found.startup.poll_interval == 1.0
    assert found.slurm.hold == "sleep 1\nsleep 2\n"
    assert found.slurm.heartbeat.interval_s == 5
    assert found.hooks.pre_stop == ("b",)
    assert found.host == ("spartan", "cedar")
    assert found.extensions["other"] == {"anything": [1]}
    assert not found.runs_on("elsewhere")
    noted = {note.key for note in found.notes}
    assert {".".join(map(str, path)) for path in NO_EFFECT} <= noted
    mem = next(note for note in found.notes if note.key == "spec.slurm.mem")
    assert "1024 megabytes" in mem.text
    health = next(note for note in found.notes if note.key == "spec.health")
    assert str(health).startswith("spec.health: accepted, no effect here (")
    assert health.line == 19


def test_what_asks_for_nothing_draws_no_note(tmp_path: Path) -> None:
    found = spec(
        tmp_path,
        """\
        runtime: slurm
        health: {enabled: false}
        restart: {policy: never}
        multiplexer: tmux
        mcp_servers: {}
        container: {runtime: none}
        hooks:
        """,
    )
    assert found.notes == ()


def test_a_tenant_is_told_which_slurm_keys_its_reservation_decides(tmp_path: Path) -> None:
    found = spec(tmp_path, 'runtime: slurm-tenant\nslurm: {reservation: r, mem: "8G", cpus_per_task: 4}\n')
    assert [(n.key, n.text) for n in found.notes] == [
        ("spec.slurm.mem", "accepted, no effect here (the reservation owns the job)"),
        ("spec.slurm.cpus_per_task", "accepted, no effect here (the reservation owns the job)"),
    ]


@pytest.mark.parametrize("runtime", ["claude-code", "cursor", "aider"])
def test_other_runtimes_are_read_and_not_started(tmp_path: Path, runtime: str) -> None:
    found = spec(tmp_path, f"runtime: {runtime}\n")
    assert not found.startable
    assert "not started by sactui" in str(found.notes[0])


@pytest.mark.parametrize(
    ("body", "where", "says", "remedy"),
    [
        ("runtime: slurm\nslurm: {mem: 16}\n", (2, 14), "Slurm takes 16 as 16 megabytes", '"16G"'),
        ("runtime: slurm\nslurm: {mem: lots}\n", (2, 14), "not an amount of memory", '"16G"'),
        ("slurm: {time_limit: 1:30:00}\n", (1, 21), "base 60", '"1:30:00"'),
        ("slurm: {time_limit: 90}\n", (1, 21), "must be text", '"01:30:00" for 90 minutes'),
        ('slurm: {time_limit: "1 day"}\n', (1, 21), "is not a time limit", "DAYS-HOURS"),
        ("slurm: {cpus_per_task: 0}\n", (1, 24), "spec.slurm.cpus_per_task must be at least 1, not 0", ""),
        ("slurm: {cpus_per_task: four}\n", (1, 24), 'must be a whole number, not "four"', "digits"),
        ("slurm: {cpus_per_task: true}\n", (1, 24), "must be a whole number, not the boolean true", "digits"),
        ("slurm: {cpus_per_task: 1.0}\n", (1, 24), "must be a whole number, not the number 1.0", "digits"),
        (
            'slurm: {auto_resubmit: "false"}\n',
            (1, 24),
            'must be true or false, not "false"',
            "without quotes",
        ),
        ("slurm: {auto_resubmit: 1}\n", (1, 24), "must be true or false, not the number 1", "without quotes"),
        ("slurm: [a]\n", (1, 8), "spec.slurm must be a mapping, not a list", "key: value"),
        ("slurm: {partitionn: x}\n", (1, 9), "unknown key spec.slurm.partitionn", "did you mean partition?"),
        ("slurm: {hooks: {preagent: x}}\n", (1, 17), "spec.slurm.hooks.preagent", "did you mean pre_agent?"),
        ('slurm: {partition: "a b"}\n', (1, 20), "must be one word", "space"),
        ('slurm: {partition: "a\\n#SBATCH -x"}\n', (1, 20), "must be one word", "space"),
        ("slurm: {extra_directives: [--exclusive]}\n", (1, 28), "#SBATCH", '"#SBATCH --exclusive"'),
        ('slurm: {extra_directives: ["#SBATCH a\\nrm -rf x"]}\n', (1, 28), "one line", "line break"),
        ("slurm: {signal: 'B USR1'}\n", (1, 17), "must be one word", ""),
        ("slurm: {heartbeat: {interval_s: 0}}\n", (1, 33), "at least 1", ""),
        ("runtme: slurm\n", (1, 1), "unknown key spec.runtme", "did you mean runtime?"),
        (
            "runtime: slrm\n",
            (1, 10),
            "must be claude-code, cursor, aider, slurm or slurm-tenant",
            "did you mean slurm?",
        ),
        (
            "runtime: slurm-tenant\n",
            (1, 1),
            "runtime: slurm-tenant requires spec.slurm.reservation to be set",
            "book",
        ),
        (
            "runtime: slurm-tenant\nslurm: {reservation: ''}\n",
            (2, 1),
            "runtime: slurm-tenant requires spec.slurm.reservation to be set",
            "book",
        ),
        ("model: 4\n", (1, 8), "must be text, not the number 4", '"4"'),
        ("env: {A: yes}\n", (1, 10), "spec.env.A must be text, not the boolean true", "quotes"),
        ("env: {A: 1.10}\n", (1, 10), "YAML reads 1.10 as the number 1.1", '"1.10"'),
        ("env: {A: 0x1F}\n", (1, 10), "YAML reads 0x1F as the number 31", '"0x1F"'),
        ("env: {A: }\n", (1, 10), "has no value", '""'),
        ("env: {A: [1]}\n", (1, 10), "must be text, not a list", "one text"),
        ("env: {A-B: x}\n", (1, 7), "spec.env.A-B is not a name of an environment variable", "letters"),
        ("env: [A=1]\n", (1, 6), "must be a mapping, not a list", "key: value"),
        ('env: {A: "a\\0b"}\n', (1, 10), "NUL", "remove"),
        ("claude: {flags: --x}\n", (1, 17), "must be a list", "- "),
        ('claude: {flags: ["--x \'y"]}\n', (1, 18), "cannot be split", "close the quote"),
        ("claude: {session: resume}\n", (1, 19), "needs spec.claude.resume_id", "continue"),
        ("session: resum\n", (1, 10), 'not "resum"', "did you mean resume?"),
        ("hooks: {pre_start: mkdir x}\n", (1, 20), "must be a list", "- "),
        ("hooks: {prestart: []}\n", (1, 9), "unknown key", "did you mean pre_start?"),
        ("startup: {ready_patterns: ['(']}\n", (1, 28), "is not a regular expression", "escape"),
        ("startup: {on_timeout: fail}\n", (1, 23), "capture_and_proceed or capture_and_fail", ""),
        ("startup: {ready_timeout_seconds: 0}\n", (1, 34), "more than 0", ""),
        ("startup: {ready_timeout_seconds: .inf}\n", (1, 34), "finite", ""),
        ("startup_commands: [{delay: soon, command: x}]\n", (1, 28), "whole number", "digits"),
        ("startup_commands: [{delay: 1}]\n", (1, 20), "spec.startup_commands[0].command is missing", ""),
        ("restart: {policy: sometimes}\n", (1, 19), "must be never, on-failure or always", ""),
        ("restart: {backoff: {inital: 3}}\n", (1, 21), "unknown key", "did you mean initial?"),
        ("health: {method: a2a-card}\n", (1, 18), "must be multiplexer-alive", ""),
        ("multiplexer: zellij\n", (1, 14), "must be tmux or screen", ""),
        ("listen: [{proto: tcp}]\n", (1, 10), "has proto tcp and no port", "port"),
        ("host: a\nhosts: [b]\n", (2, 1), "exclude each other", "one instance"),
        ("hosts: spartan\n", (1, 8), 'must be "all" or a list', "host:"),
        ("host: [1]\n", (1, 7), "must be a text or a list of texts", ""),
        ("scheduling: {}\n", (1, 1), "spec.scheduling is not accepted", "spec.host"),
        ("extensions: {sactui: {comand: x}}\n", (1, 23), "unknown key", "did you mean command?"),
        ("extensions: {sactui: {command: []}}\n", (1, 32), "names no program", ""),
        ("extensions: {sactui: {command: [a, 1]}}\n", (1, 32), "a command line or a list of words", ""),
        ('extensions: {sactui: {command: "a \'b"}}\n', (1, 32), "cannot be split", "close"),
        ("extensions: {sactui: {command: {a: b}}}\n", (1, 32), "a command line or a list of words", ""),
        ("extensions: {Sactui: {}}\n", (1, 13), "has the key Sactui", "small letters"),
    ],
)
def test_what_cannot_be_meant_is_one_mistake_with_place_and_remedy(
    tmp_path: Path, body: str, where: tuple[int, int], says: str, remedy: str
) -> None:
    mistakes = wrong(tmp_path, body)
    assert len(mistakes) == 1, mistakes
    line, column, message, hint = mistakes[0]
    assert (line, column) == where
    assert says in message
    assert remedy in hint


def test_all_mistakes_of_a_file_are_reported_at_once_in_order(tmp_path: Path) -> None:
    mistakes = wrong(
        tmp_path,
        """\
        runtime: slurm-tenant
        env: {A: true, B-C: x}
        slurm:
          mem: 16
          nodes: 0
          nodes: 1
          time_limit: 1:00:00
        modell: x
        """,
    )
    assert [line for line, *_ in mistakes] == [2, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("- a\n", "1:1", "must be a mapping"),
        ("kind: Agent\nspec: {}\n", "1:1", "apiVersion is missing"),
        (HEAD, "1:1", "spec is missing"),
        (HEAD + "spec: x\n", "3:7", "spec must be a mapping"),
        (
            "apiVersion: scitex-agent-container/v2\nkind: Agent\nspec: {}\n",
            "1:13",
            "scitex-agent-container/v3",
        ),
        ("apiVersion: scitex-agent-container/v3\nkind: Pod\nspec: {}\n", "2:7", "must be Agent"),
        (HEAD + "spec: {}\nspce: {}\n", "4:1", "unknown key spce"),
        (HEAD + "metadata: {name: x}\nspec: {}\n", "3:12", "metadata.name is not accepted"),
        (HEAD + "metadata: {label: {a: b}}\nspec: {}\n", "3:12", "unknown key metadata.label"),
        (HEAD + "metadata: {labels: [a]}\nspec: {}\n", "3:20", "metadata.labels must be a mapping"),
        (HEAD + "metadata: {labels: {a: true}}\nspec: {}\n", "3:24", "must be text"),
    ],
)
def test_the_frame_of_the_file(tmp_path: Path, text: str, where: str, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BrokenFileError) as caught:
        load_agent(path)
    assert caught.value.message.startswith(f"{path}:{where}: ")
    assert says in caught.value.message


def test_metadata_that_is_not_read_draws_a_note(tmp_path: Path) -> None:
    found = load_agent(write(tmp_path, HEAD + "metadata: {owner: me, labels: {role: dev, n: 3}}\nspec: {}\n"))
    assert found.labels == {"role": "dev", "n": "3"}
    assert [note.key for note in found.notes] == ["metadata.owner", "spec.runtime"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("v1.2", '"."'),
        ("a:b", '":"'),
        ("a b", "a space"),
        ("a\tb", "\\t"),
        ("a\x1b[31m", "\\x1b"),
        ("naïve", "'ï'"),
        ("-x", '"-"'),
        ("a;b", "';'"),
        ("x" * 101, "longer than 100"),
    ],
)
def test_a_directory_that_cannot_name_a_session_is_refused(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(BrokenFileError) as caught:
        load_agent(write(tmp_path, HEAD + "spec: {runtime: slurm}\n", name))
    assert says in caught.value.message
    assert "rename the directory" in caught.value.remedy
    assert caught.value.message.isprintable()


def test_names_that_work() -> None:
    assert [name_trouble(one) for one in ("a", "dev-helper", "_x", "A9_")] == [""] * 4
    assert name_trouble("") != ""


def test_the_name_is_the_directory_and_the_link_not_its_target(tmp_path: Path) -> None:
    path = write(tmp_path / "real", HEAD + "spec: {runtime: slurm}\n", "target")
    (tmp_path / "alias").symlink_to(path.parent)
    assert load_agent(tmp_path / "alias" / "target.yaml").name == "alias"


def test_hosts_make_one_instance_a_host(tmp_path: Path) -> None:
    found = spec(
        tmp_path,
        """\
        runtime: slurm-tenant
        hosts: all
        workdir: /data/${HOSTNAME}
        env: {H: "${SCITEX_OROCHI_HOSTNAME}", P: "${PATH}"}
        claude: {flags: ["--x ${HOSTNAME}"]}
        slurm: {reservation: "${HOSTNAME}-pool"}
        """,
    )
    assert found.all_hosts
    assert found.hosts == ()
    one = found.instance("spartan")
    assert one.name == "dev-helper-spartan"
    assert (one.workdir, one.env, one.reservation) == (
        "/data/spartan",
        {"H": "spartan", "P": "${PATH}"},
        "spartan-pool",
    )
    assert one.claude.flags == ("--x spartan",)
    assert one.path == found.path
    assert one.instance("spartan").name == "dev-helper-spartan"
    single = spec(tmp_path, "runtime: slurm\nhost: spartan\nworkdir: /${HOSTNAME}\n")
    assert single.instance("spartan") is single
    assert single.runs_on("spartan")
    assert not single.runs_on("cedar")


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    first = spec(tmp_path, "runtime: slurm\n")
    second = spec(tmp_path, "runtime: slurm\nmodel: opus\n")
    assert first.digest != second.digest
    assert spec(tmp_path, "runtime: slurm\n") == first


def test_the_json_schema_describes_every_accepted_key() -> None:
    schema = agent_schema()
    definitions = schema["$defs"]
    assert schema["properties"]["spec"] == {"$ref": "#/$defs/SpecBlock"}
    assert schema["required"] == ["apiVersion", "kind", "spec"]
    assert {"runtime", "python-venv", "env-file", "startup_commands", "hosts"} <= set(
        definitions["SpecBlock"]["properties"]
    )
    assert definitions["SlurmBlock"]["additionalProperties"] is False
    missing = [
        key for key, value in definitions["SlurmBlock"]["properties"].items() if not value.get("description")
    ]
    assert missing == []
