"""Themes: complete, readable, distinguishable, and strict about mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import dist
from pathlib import Path

import pytest

from sactui.domain.state import AgentState, Phase
from sactui.errors import DefinitionError, SettingsError
from sactui.ui import theming
from sactui.ui.theming import Theme, load_theme, parse_theme, style, theme_names, to_textual

SHIPPED = ("dark", "colour-blind", "high-contrast", "light", "midnight", "plain")
COLOURED = tuple(name for name in SHIPPED if name != "plain")
#: One state for each of the five state colours.
FIVE = ("working", "asking", "idle", "limited", "dead")

Rgb = tuple[float, float, float]
Matrix = tuple[Rgb, Rgb, Rgb]

#: Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISIONS: dict[str, Matrix] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
_LMS: Matrix = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_LAB: Matrix = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def linear(colour: str) -> Rgb:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return red, green, blue


def times(matrix: Matrix, value: Sequence[float]) -> Rgb:
    red, green, blue = (sum(a * b for a, b in zip(row, value, strict=True)) for row in matrix)
    return red, green, blue


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def oklab(colour: str, vision: str) -> Rgb:
    seen = [min(1.0, max(0.0, part)) for part in times(VISIONS[vision], linear(colour))]
    return times(_LAB, [part ** (1 / 3) for part in times(_LMS, seen)])


def nearest(theme: Theme, vision: str) -> float:
    """The smallest distance (OKLab) between two of the five state colours."""
    return min(dist(p, q) for p, q in combinations([oklab(theme[state], vision) for state in FIVE], 2))


def lightness(colour: str) -> float:
    return float(116 * luminance(colour) ** (1 / 3) - 16)


# --- what ships --------------------------------------------------------------


def test_the_shipped_themes_are_all_there_the_default_first(tmp_path: Path) -> None:
    assert theme_names(environ={"XDG_CONFIG_HOME": str(tmp_path)}) == SHIPPED


@pytest.mark.parametrize("name", COLOURED)
@pytest.mark.parametrize("behind", ["page", "surface", "selection", "flash"])
def test_all_text_has_contrast(name: str, behind: str) -> None:
    theme = load_theme(name)
    roles = ("dim", "text", "strong", "banner", "bar-amber", "bar-red", *theming.STATES)
    poor = {role: round(contrast(theme[role], theme[behind]), 2) for role in roles}
    assert {role: ratio for role, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("name", COLOURED)
def test_bars_and_the_accent_stand_out(name: str) -> None:
    theme = load_theme(name)
    for role in ("accent", "bar-calm", "bar-amber", "bar-red"):
        assert contrast(theme[role], theme["page"]) >= 3
        assert theme[role] not in (theme["faint"], theme["page"])


@pytest.mark.parametrize("name", ["dark", "light", "midnight"])
def test_state_colours_are_equally_light(name: str) -> None:
    theme = load_theme(name)
    values = [lightness(theme[state]) for state in FIVE]
    assert max(values) - min(values) <= 6


@pytest.mark.parametrize("name", COLOURED)
def test_state_colours_stay_apart_for_every_vision(name: str) -> None:
    theme = load_theme(name)
    distances = {vision: nearest(theme, vision) for vision in VISIONS}
    assert distances.pop("normal") >= 0.095
    assert {vision: d for vision, d in distances.items() if d < 0.038} == {}


def test_the_colour_blind_theme_keeps_them_far_apart() -> None:
    theme = load_theme("colour-blind")
    assert {vision: d for vision in VISIONS if (d := nearest(theme, vision)) < 0.11} == {}


def test_the_accent_is_not_a_state_colour() -> None:
    for name in SHIPPED:
        theme = load_theme(name)
        assert theme["accent"] not in {theme[state] for state in theming.STATES}


def test_plain_uses_the_terminals_own_colours_only() -> None:
    theme = load_theme("plain")
    assert theme.ansi
    assert all(colour.startswith("ansi_") for colour in theme.colours.values())


# --- names and places --------------------------------------------------------


def test_a_users_theme_is_found_and_cannot_take_a_shipped_name(tmp_path: Path) -> None:
    directory = tmp_path / "sactui" / "themes"
    directory.mkdir(parents=True)
    source = (Path(__file__).parents[2] / "themes" / "midnight.yaml").read_text()
    (directory / "mine.yaml").write_text(source.replace("name: midnight", "name: mine"))
    (directory / "dark.yaml").write_text("broken")
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert theme_names(environ=environ) == ("dark", *sorted((*SHIPPED[1:], "mine")))
    assert load_theme("mine", environ=environ).name == "mine"
    assert load_theme("dark", environ=environ).title == "dark, slightly warm"


def test_an_unknown_theme_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="no theme 'drak'") as caught:
        load_theme("drak")
    assert "midnight" in caught.value.remedy


def test_no_color_chooses_the_colourless_theme() -> None:
    assert theming.chosen("light", environ={"NO_COLOR": "1"}) == "plain"
    assert theming.chosen("light", environ={"NO_COLOR": ""}) == "light"
    assert theming.chosen(None, environ={}) == "dark"


# --- mistakes ----------------------------------------------------------------


def source_of(name: str) -> str:
    return (Path(__file__).parents[2] / "themes" / f"{name}.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("dark: true", "dark: maybe", "dark: true", "dark must be true or false"),
        ("  asking: amber", "  asking: ambre", "  asking: amber", "states.asking: 'ambre' is not a colour"),
        ("  asking: amber", "  askign: amber", "  asking: amber", "did you mean 'asking'"),
        ("name: dark", "name: night", "name: dark", "but the file is called dark.yaml"),
        ("banner: amber", "banner: [1]", "banner: amber", "banner must be a colour"),
        ("banner: amber", 'banner: "#12345"', "banner: amber", 'write "#rrggbb"'),
        ("  red: red", "  red: ansi_red", "  red: red", "bars.red: 'ansi_red' is not a colour"),
    ],
)
def test_mistakes_say_file_and_line(old: str, new: str, where: str, what: str) -> None:
    source = source_of("dark")
    assert old in source
    line = source[: source.index(where)].count("\n") + 1
    with pytest.raises(DefinitionError) as caught:
        parse_theme(source.replace(old, new, 1), Path("dark.yaml"))
    assert f"dark.yaml:{line}:" in caught.value.message
    assert what in caught.value.message


def test_every_mistake_is_reported_at_once() -> None:
    source = source_of("dark").replace("  asking: amber\n", "").replace("dark: true", "dark: 3")
    with pytest.raises(DefinitionError) as caught:
        parse_theme(source, Path("dark.yaml"))
    assert "states lacks asking" in caught.value.message
    assert len(caught.value.message.splitlines()) == 2


@pytest.mark.parametrize("source", ["", "- a\n", "a: [1\n", "name: x\nname: y\n", "\x00"])
def test_what_is_no_theme_is_refused(source: str) -> None:
    with pytest.raises(DefinitionError, match=r"^x\.yaml:\d+:\d+: "):
        parse_theme(source, Path("x.yaml"))


# --- styles ------------------------------------------------------------------


def test_every_state_and_phase_has_a_style_and_agents_background_is_not_the_page() -> None:
    theme = load_theme("dark")
    for value in (*AgentState, *Phase):
        assert style(theme, value.value).color is not None
    assert theme["background"] == theme["working"]
    assert theme["background"] != theme["page"]


def test_styles_have_attributes_and_backgrounds() -> None:
    theme = load_theme("dark")
    found = style(theme, "asking+bold", "selection")
    assert found.bold
    assert found.color is not None
    assert found.color.name == theme["asking"]
    assert found.bgcolor is not None
    assert found.bgcolor.name == theme["selection"]


@pytest.mark.parametrize("name", ["nonsense", "text+blink", ""])
def test_unknown_styles_are_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="no "):
        style(load_theme("dark"), name)


def test_painted_text_is_never_markup() -> None:
    text = theming.painted(load_theme("dark"), [("[red]a[/]", "dim"), ("b", "asking")])
    assert text.plain == "[red]a[/]b"


@pytest.mark.parametrize("name", SHIPPED)
def test_textual_gets_our_variables(name: str) -> None:
    theme = load_theme(name)
    skin = to_textual(theme)
    assert skin.source is theme
    generated = {**skin.to_color_system().generate(), **skin.variables}
    assert generated["state-asking"] == theme["asking"]
    assert generated["text-muted"] == theme["dim"]
    assert generated["dim"] == theme["dim"]
