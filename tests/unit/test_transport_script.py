"""Joining questions into one script, and telling the answers apart."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sactui.transport.script import Answer, Section, build, split

SHELLS = [["dash", "-s"], ["bash", "-s"], ["bash", "--posix", "-s"]]


def run(shell: list[str], text: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        shell, input=text.encode("utf-8", "surrogateescape"), capture_output=True, timeout=60
    )


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_each_section_answers_for_itself(shell: list[str]) -> None:
    script = build(
        [
            Section("plain", "echo hi; echo err >&2; exit 3"),
            Section("bytes", "printf 'x\\0\\377\\n\\n'"),
            Section("reads", "cat; echo $?"),
            Section("broken", "if ("),
            Section("missing", "no-such-command-here"),
            Section("preamble", 'echo "$FOO"; echo "${SACTUI_SECTION-unset}"; env | grep -c SACTUI'),
            Section("quotes", "echo \"it's\"\necho '$two' `echo lines`\n"),
            Section("silent", ""),
            Section("signal", "kill -KILL $$", timeout=None),
        ],
        preamble="export FOO=bar\necho noise\n",
    )
    done = run(shell, script.text)
    answers = split(b"banner\n" + done.stdout + b"bye\n", script.token)
    assert list(answers) == [
        "plain", "bytes", "reads", "broken", "missing", "preamble", "quotes", "silent", "signal",
    ]  # fmt: skip
    assert all(answer.complete for answer in answers.values())
    plain = answers["plain"]
    assert (plain.stdout, plain.stderr, plain.exit_status) == (b"hi\n", b"err", 3)
    assert answers["bytes"].stdout == b"x\0\xff\n\n"
    assert answers["reads"].stdout == b"0\n"
    assert answers["broken"].exit_status == 2
    assert b"yntax error" in answers["broken"].stderr
    assert answers["missing"].exit_status == 127
    assert answers["preamble"].stdout == b"bar\nunset\n0\n"
    assert answers["quotes"].stdout == b"it's\n$two lines\n"
    assert (answers["silent"].stdout, answers["silent"].exit_status) == (b"", 0)
    assert answers["signal"].exit_status == 137
    assert not answers["signal"].timed_out


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_time_bound_ends_one_section_only(shell: list[str]) -> None:
    script = build([Section("slow", "echo begun; sleep 30", 0.3), Section("next", "echo on")])
    answers = split(run(shell, script.text).stdout, script.token)
    assert answers["slow"].timed_out
    assert (answers["slow"].stdout, answers["next"].stdout) == (b"begun\n", b"on\n")
    assert 0.2 <= answers["slow"].seconds < 20


def test_without_timeout_the_sections_still_run(tmp_path: object) -> None:
    script = build([Section("one", "echo on", 1.0)], preamble="command() { return 1; }")
    answers = split(run(["dash", "-s"], script.text).stdout, script.token)
    assert answers["one"].stdout == b"on\n"


def test_the_scripts_stay_out_of_argv() -> None:
    """Other users of a login node read argv in ps."""
    script = build([Section("secret", "token=hidden-value; tr '\\0' ' ' </proc/$$/cmdline")])
    answer = split(run(["dash", "-s"], script.text).stdout, script.token)["secret"]
    assert b"/bin/sh" in answer.stdout
    assert b"hidden-value" not in answer.stdout


@pytest.mark.parametrize(
    "sections",
    [
        [Section("", "true")],
        [Section("two\nlines", "true")],
        [Section("a", "true"), Section("a", "true")],
        [Section("a", "x" * 200_000)],
        [Section("a", "\0")],
    ],
)
def test_what_cannot_be_framed_is_refused(sections: list[Section]) -> None:
    with pytest.raises(ValueError, match="section"):
        build(sections)


def test_no_sections_no_answers() -> None:
    script = build([])
    done = run(["dash", "-s"], script.text)
    assert done.returncode == 0
    assert split(done.stdout, script.token) == {}
    assert split(b"", script.token) == {}


def test_tokens_differ() -> None:
    assert build([]).token != build([]).token


TOKEN = "0123456789abcdef01234567"
payloads = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"\n\x1e",
            b"\x1e" + TOKEN[:-1].encode() + b"0 B two\n",
            b"\n\x1eforged E 0 - -\n\n\n\x1eforged Z one\n\x1eforged B two\n",
            b"\x1e B one\n",
            b"\n",
        ]
    ),
)


def frame(outputs: dict[str, tuple[bytes, int, bytes]], before: bytes = b"", after: bytes = b"") -> bytes:
    """What the script prints, made here so that properties need no shell."""
    mark = b"\x1e" + TOKEN.encode()
    stream = before + mark + b" T\n" + b"".join(name.encode() + b"\n" for name in outputs) + mark + b" T\n"
    for name, (out, status, err) in outputs.items():
        stream += mark + b" B " + name.encode() + b"\n" + out
        stream += (
            b"\n" + mark + b" E %d 1.50 2.00\n" % status + err + b"\n" + mark + b" Z " + name.encode() + b"\n"
        )
    return stream + after


outputs = st.dictionaries(
    st.sampled_from(["one", "two", "three", "with space"]),
    st.tuples(st.lists(payloads, max_size=3).map(b"".join), st.integers(0, 255), payloads),
    max_size=4,
)


@given(outputs, payloads, payloads)
def test_any_payload_comes_back_whole(
    told: dict[str, tuple[bytes, int, bytes]], before: bytes, after: bytes
) -> None:
    answers = split(frame(told, before, after), TOKEN)
    assert answers == {name: Answer(out, status, 0.5, True, err) for name, (out, status, err) in told.items()}


@settings(max_examples=300)
@given(outputs, payloads, st.data())
def test_any_cut_leaves_sections_incomplete_and_never_wrong(
    told: dict[str, tuple[bytes, int, bytes]], before: bytes, data: st.DataObject
) -> None:
    stream = frame(told, before)
    cut = data.draw(st.integers(0, len(stream)))
    answers = split(stream[:cut], TOKEN)
    assert not answers or list(answers) == list(told)
    complete = True
    for name, answer in answers.items():
        out, status, err = told[name]
        if answer.complete:
            assert complete, "nothing is complete behind a cut"
            assert answer == Answer(out, status, 0.5, True, err)
        else:
            complete = False
            assert answer.exit_status is None
            assert out.startswith(answer.stdout)
    if answers and cut == len(stream):
        assert complete


@given(st.binary(max_size=400))
def test_noise_alone_is_no_answer(noise: bytes) -> None:
    assert split(noise, TOKEN) == {}
