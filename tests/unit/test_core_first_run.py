from __future__ import annotations

from pathlib import Path

import pytest

from sactui.core.first_run import hosts


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    directory = tmp_path / ".ssh"
    directory.mkdir()
    return directory


def test_no_file_names_nothing(ssh: Path) -> None:
    assert hosts() == ()
    assert hosts(ssh / "nowhere") == ()


def test_aliases_come_in_order_without_patterns_and_forges(ssh: Path) -> None:
    (ssh / "config").write_text(
        "# Host old\nHost spartan spartan.example.org\n  User ada\nHost *\n  ForwardAgent no\n"
        'host=cedar\nHost github.com gist.github.com\nHost !bad node-? "with space"\nHost spartan\n'
    )
    assert hosts() == ("spartan", "spartan.example.org", "cedar", "with space")


def test_included_files_are_read_and_circles_end(ssh: Path) -> None:
    (ssh / "config").write_text("Include conf.d/*\nInclude ~/more\nHost last\n")
    (ssh / "conf.d").mkdir()
    (ssh / "conf.d" / "1").write_text("Host one\nInclude config\n")
    (ssh / "conf.d" / "2").write_text("Host two\n")
    (ssh.parent / "more").write_text("Host three\n")
    assert hosts() == ("one", "two", "three", "last")


def test_a_line_that_is_not_quoted_right_is_read_all_the_same(ssh: Path) -> None:
    (ssh / "config").write_text("Host it's\nHost b\n")
    assert hosts() == ("it's", "b")
