"""Views are kept in a file that may be missing, broken, foreign or unwritable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sactui.core.views import MOST, SavedViews
from sactui.domain.shape import Shape

GPU = Shape("gpu:>0", "age", True, ("name", "id"), ("why",))


def test_views_are_there_again(tmp_path: Path) -> None:
    views = SavedViews(tmp_path / "state")
    assert views.last("jobs") == Shape()
    views.remember("jobs", GPU)
    views.save("jobs", "gpu jobs", GPU)
    again = SavedViews(tmp_path / "state")
    assert again.named("jobs") == {"gpu jobs": GPU}
    # The filter belongs to the moment: nobody finds an empty table in the morning.
    assert again.last("jobs") == Shape("", "age", True, ("name", "id"), ("why",))
    assert (tmp_path / "state" / "views.json").stat().st_mode & 0o777 == 0o600
    again.remove("jobs", "gpu jobs")
    assert SavedViews(tmp_path / "state").named("jobs") == {}


@pytest.mark.parametrize(
    "text", ["", "[", "[]", '{"jobs": 3}', '{"jobs": {"last": [], "saved": {"a": 1}}}', "[" * 5000]
)
def test_a_broken_file_is_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "views.json").write_text(text)
    assert SavedViews(tmp_path).last("jobs") == Shape()


def test_what_others_wrote_is_bounded(tmp_path: Path) -> None:
    entry = {"filter": "x" * 9999, "sort": 3, "descending": "yes", "columns": ["a", 1], "hidden": "b"}
    saved = {str(number): entry for number in range(500)}
    (tmp_path / "views.json").write_text(json.dumps({"jobs": {"saved": saved}}))
    named = SavedViews(tmp_path).named("jobs")
    assert len(named) == MOST
    assert named["0"] == Shape("x" * 500, "", False, ("a",), ())


def test_a_directory_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    views = SavedViews(tmp_path / "state")
    views.save("jobs", "gpu", GPU)
    assert views.named("jobs") == {"gpu": GPU}


def test_the_oldest_view_goes(tmp_path: Path) -> None:
    views = SavedViews(tmp_path)
    for number in range(MOST + 2):
        views.save("jobs", f"{number:03}", GPU)
    assert "001" not in views.named("jobs")
    assert len(views.named("jobs")) == MOST
