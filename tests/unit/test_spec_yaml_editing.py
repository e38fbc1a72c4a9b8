from __future__ import annotations

import pytest
import yaml

from sactui.errors import DefinitionError
from sactui.spec.yaml_editing import set_key

FILE = """\
# mine
theme: dark   # as at night
hosts:        # both
  - spartan
  - cedar     # slow

# the pace
interval: 10
notices:
  events: [asking]
  # not at night
  quiet: "22:00-07:00"
# the end
"""


def test_a_plain_value_is_replaced_and_its_comment_stays() -> None:
    text = set_key(FILE, "theme", "light")
    assert "theme: light   # as at night\n" in text
    assert text.replace("theme: light", "theme: dark") == FILE


def test_a_block_is_replaced_up_to_its_own_end() -> None:
    text = set_key(FILE, "hosts", ["spartan"])
    assert "hosts: [spartan]     # slow\n\n# the pace\ninterval: 10\n" in text
    text = set_key(FILE, "notices", {"events": ["idle"], "bell": False})
    assert text.endswith("notices:\n  events:\n  - idle\n  bell: false\n# the end\n")


def test_a_block_in_place_of_a_plain_value_keeps_the_comment() -> None:
    text = set_key(FILE, "theme", {"a": 1})
    assert yaml.safe_load(text)["theme"] == {"a": 1}
    assert "# as at night" in text


def test_a_new_key_goes_to_the_end_below_its_sentence() -> None:
    text = set_key(FILE, "flash", False, "Whether what changed flashes once.")
    assert text == FILE + "\n# Whether what changed flashes once.\nflash: false\n"
    assert set_key("", "flash", True) == "flash: true\n"
    assert set_key("# only a comment", "flash", True) == "# only a comment\n\nflash: true\n"
    assert set_key("# flash: true\n", "flash", False) == "flash: false\n"


@pytest.mark.parametrize("value", ["yes", "a: b", "- x", "#c", "'", '"', "10", "", "ü", " x ", "null", "[1]"])
def test_every_text_survives_the_way_there_and_back(value: str) -> None:
    for before in ("", FILE):
        assert yaml.safe_load(set_key(before, "theme", value))["theme"] == value
        assert yaml.safe_load(set_key(before, "hosts", [value, value]))["hosts"] == [value, value]


def test_what_is_no_mapping_is_refused() -> None:
    for text in ("- a\n", "{a: 1}\n", "a: [\n"):
        with pytest.raises(DefinitionError):
            set_key(text, "theme", "dark")


def test_a_literal_block_is_replaced_whole() -> None:
    text = "note: |\n  one\n  two\nafter: 1\n"
    assert set_key(text, "note", "x") == "note: x\nafter: 1\n"
