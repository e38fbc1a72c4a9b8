"""Exec strings for any login shell, marks, and the script that ends a program."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sactui.transport.command import Mark, ending, foreground, sealed

SHELLS = ["dash", "bash", "tcsh", "fish"]


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=25, deadline=None)
@given(
    text=st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=80)
)
def test_a_sealed_command_means_the_same_in_every_shell(shell: str, text: str) -> None:
    quoted = "'" + text.replace("'", "'\\''") + "'"
    done = subprocess.run(
        [shell, "-c", sealed(f"printf '%s|' {quoted} \"$#\"")], capture_output=True, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == text.encode() + b"|0|"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_long_sealed_command_is_put_together_again(shell: str) -> None:
    text = "".join(f"{number}!'\\\n" for number in range(4000))
    done = subprocess.run([shell, "-c", sealed(f"cat <<'END'\n{text}END")], capture_output=True, check=True)
    assert done.stdout.decode() == text


def test_a_nul_byte_cannot_be_sealed() -> None:
    with pytest.raises(ValueError, match="NUL"):
        sealed("a\0b")


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_what_is_sent_after_the_mark_belongs_to_the_command(shell: str) -> None:
    mark = Mark()
    process = subprocess.Popen([shell, "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(mark.stay("echo ready\ncat; exit 6").encode())
    process.stdin.flush()
    seen = b""
    while b"ready\n" not in seen:
        seen += mark.feed(os.read(process.stdout.fileno(), 100))
    out, _ = process.communicate(b"all\0of it")
    assert (seen, out, process.returncode) == (b"ready\n", b"all\0of it", 6)
    assert mark.pid == process.pid


@given(st.binary(max_size=50), st.binary(max_size=50), st.lists(st.integers(1, 30), max_size=20))
def test_a_mark_takes_the_noise_out_whatever_the_pieces(noise: bytes, body: bytes, pieces: list[int]) -> None:
    mark = Mark()
    printed = printed_mark(mark, 4711)
    stream, got = noise + printed + body, b""
    for length in [*pieces, len(stream)]:
        got += mark.feed(stream[:length])
        stream = stream[length:]
    assert (got + mark.rest(), mark.noise, mark.pid) == (body, noise, 4711)


def printed_mark(mark: Mark, pid: int) -> bytes:
    token = mark.statement.split()[3]
    return f"\x1e{token} {pid}\x1e".encode()


def test_output_without_a_mark_is_not_lost() -> None:
    mark = Mark()
    assert mark.feed(b"This account is") == b""
    assert mark.rest() == b"This account is"
    assert mark.feed(b" closed") == b" closed"
    assert mark.pid is None
    flood = Mark()
    assert flood.feed(b"x" * 300_000) == b"x" * 300_000


def test_ending_a_program_ends_its_descendants_and_says_so() -> None:
    script = "trap '' TERM; timeout 900 sh -c 'trap \"\" TERM; echo $$; sleep 900; :' & wait; sleep 900"
    process = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    inner = int(process.stdout.readline())
    bystander = subprocess.Popen(["sleep", "900"])
    try:
        done = subprocess.run(
            ["/bin/sh", "-s"], input=ending(process.pid).encode(), capture_output=True, timeout=60
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert process.wait(10) == -9
        # Whoever adopts the orphan may leave it a zombie, which has ended too.
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(inner)], capture_output=True, text=True).stdout
        assert state == "" or state.startswith("Z")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait(10)
        process.stdout.close()


def test_ending_what_has_ended_is_done() -> None:
    process = subprocess.Popen(["true"])
    process.wait(10)
    done = subprocess.run(
        ["/bin/sh", "-s"], input=ending(process.pid).encode(), capture_output=True, timeout=60
    )
    assert done.returncode == 0


def test_foreground_runs_the_sealed_command() -> None:
    argv = foreground("spartan", "tmux attach")
    assert argv[-2:] == ["spartan", sealed("tmux attach")]
    assert argv[-3] == "--"
