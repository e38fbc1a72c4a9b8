"""Colour themes: YAML that names colours by what they are for.

A theme file is strict: every role is there, nothing else is, and a mistake is
reported with file, line and column. Themes that ship with sactui are found first,
then those in ``$XDG_CONFIG_HOME/sactui/themes``; a shipped name cannot be taken over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.style import Style
from rich.text import Text
from textual.theme import Theme as TextualTheme

from ..domain.state import AgentState, Phase
from ..errors import DefinitionError, SettingsError
from .table.row import Span

if TYPE_CHECKING:
    from textual.app import App

DEFAULT = "dark"
#: The theme for terminals that were asked not to be coloured.
COLOURLESS = "plain"

GREYS = ("background", "surface", "faint", "dim", "text", "strong")
SELECTION = ("accent", "selection", "flash")
STATES = tuple(state.value for state in AgentState)
BARS = ("calm", "amber", "red")

#: The colour of a job's phase is the colour of the state that says the same.
_PHASES: Mapping[str, str] = {
    Phase.PENDING: "starting",
    Phase.RUNNING: "working",
    Phase.PAUSED: "limited",
    Phase.DONE: "idle",
    Phase.ERROR: "dead",
    Phase.CANCELED: "stopped",
}
_HUES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ANSI = ("ansi_default", *(f"ansi_{bright}{hue}" for bright in ("", "bright_") for hue in _HUES))
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Theme:
    """A validated theme: ``colours`` maps every role to ``#rrggbb`` or one of the 16 ``ansi_*`` names.

    The grey called ``background`` in the file is the role ``page`` here, because one
    of the agents' states is called ``background``.
    """

    name: str
    title: str
    dark: bool
    ansi: bool
    colours: Mapping[str, str] = field(hash=False)

    def __getitem__(self, role: str) -> str:
        return self.colours[_PHASES.get(role, role)]


def load_theme(name: str, *, environ: Mapping[str, str] | None = None) -> Theme:
    """The theme of that name.

    Raises SettingsError when there is none, DefinitionError (file:line:column in the
    message) when its file is wrong.
    """
    path = theme_path(name, environ=environ)
    if path is not None:
        return parse_theme(path.read_text(encoding="utf-8"), path)
    known = ", ".join(theme_names(environ=environ))
    raise SettingsError(f"there is no theme {name!r}", f"known: {known}")


def theme_path(name: str, *, environ: Mapping[str, str] | None = None) -> Path | None:
    """The file of the theme of that name; None when there is none."""
    return next((path for path in _files(environ) if path.stem == name), None)


def theme_names(*, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The names of all themes that can be asked for, the default first."""
    names = dict.fromkeys(path.stem for path in _files(environ))
    return tuple(sorted(names, key=lambda name: (name != DEFAULT, name)))


def chosen(name: str | None, *, environ: Mapping[str, str] | None = None) -> str:
    """The name to load: what was asked for, else the default, or no colours when NO_COLOR is set."""
    env = os.environ if environ is None else environ
    if env.get("NO_COLOR"):
        return COLOURLESS
    return name or DEFAULT


def _files(environ: Mapping[str, str] | None) -> Iterator[Path]:
    env = os.environ if environ is None else environ
    config = Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "~")).expanduser() / ".config")
    package = Path(str(resources.files("sactui")))
    for directory in (package / "_data" / "themes", package.parent / "themes", config / "sactui" / "themes"):
        if directory.is_dir():
            yield from sorted(directory.glob("*.yaml"))


def parse_theme(source: str, path: Path) -> Theme:
    """A theme from YAML text. Raises DefinitionError naming every mistake with file:line:column."""
    return _Reader(path).read(source)


class _Reader:
    """Walks the composed YAML nodes, because only they know their lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mistakes: list[tuple[int, int, str]] = []
        self._palette: dict[str, str] = {}
        self._ansi = False

    def read(self, source: str) -> Theme:
        try:
            root = yaml.compose(source, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            where = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
            raise DefinitionError(f"{self._path}:{where}: not YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise DefinitionError(f"{self._path}:1:1: not YAML: {error}") from error
        if root is None:
            raise DefinitionError(f"{self._path}:1:1: the file is empty")
        top = self._mapping(
            root,
            "the theme",
            ("name", "dark", "greys", "accent", "selection", "flash", "states", "bars", "banner"),
            ("title", "ansi", "palette"),
        )
        name = self._text(top.get("name"))
        if name is not None and name != self._path.stem and self._path.stem:
            self._wrong(top["name"], f"name is {name!r}, but the file is called {self._path.name}")
        dark = self._flag(top.get("dark"), "dark")
        self._ansi = self._flag(top.get("ansi"), "ansi") or False
        self._palette = self._colours(top.get("palette"), "palette", None)
        colours = self._colours(top.get("greys"), "greys", GREYS)
        # An agent's state is called "background" as well.
        if "background" in colours:
            colours["page"] = colours.pop("background")
        colours |= self._colours(top.get("states"), "states", STATES)
        bars = self._colours(top.get("bars"), "bars", BARS)
        colours |= {f"bar-{key}": value for key, value in bars.items()}
        for role in (*SELECTION, "banner"):
            if role in top:
                colours[role] = self._colour(top[role], role)
        title = self._text(top.get("title")) or name or ""
        if self._mistakes:
            lines = [f"{self._path}:{line}:{column}: {what}" for line, column, what in sorted(self._mistakes)]
            raise DefinitionError("\n".join(lines))
        return Theme(name or "", title, bool(dark), self._ansi, colours)

    def _wrong(self, node: yaml.Node, what: str) -> None:
        self._mistakes.append((node.start_mark.line + 1, node.start_mark.column + 1, what))

    def _mapping(
        self, node: yaml.Node | None, what: str, required: Iterable[str] | None, optional: Iterable[str] = ()
    ) -> dict[str, yaml.Node]:
        """The mapping's nodes by key; ``required=None`` allows any key."""
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"{what} must be a mapping of names to values")
            return {}
        wanted = None if required is None else tuple(required)
        allowed = None if wanted is None else (*wanted, *optional)
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            if key in found:
                self._wrong(key_node, f"{key!r} is there twice")
            elif allowed is not None and key not in allowed:
                near = get_close_matches(key, allowed, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(allowed)}"
                self._wrong(key_node, f"{what} has no {key!r}{hint}")
            else:
                found[key] = value
        missing = [key for key in wanted or () if key not in found]
        if missing:
            self._wrong(node, f"{what} lacks {', '.join(missing)}")
        return found

    def _colours(self, node: yaml.Node | None, what: str, roles: tuple[str, ...] | None) -> dict[str, str]:
        nodes = self._mapping(node, what, roles)
        return {key: self._colour(value, f"{what}.{key}") for key, value in nodes.items()}

    def _colour(self, node: yaml.Node, what: str) -> str:
        value = node.value if isinstance(node, yaml.ScalarNode) else None
        if not isinstance(value, str):
            self._wrong(node, f"{what} must be a colour")
            return ""
        if value in self._palette:
            return self._palette[value]
        if self._ansi and value in _ANSI:
            return value
        if not self._ansi and _HEX.fullmatch(value):
            return value.lower()
        form = "an ansi_ name (ansi_red, ansi_bright_black, ansi_default)" if self._ansi else '"#rrggbb"'
        known = f" or one of the palette: {', '.join(self._palette)}" if self._palette else ""
        self._wrong(node, f"{what}: {value!r} is not a colour; write {form}{known}")
        return ""

    def _text(self, node: yaml.Node | None) -> str | None:
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._wrong(node, "must be text")
            return None
        return str(node.value)

    def _flag(self, node: yaml.Node | None, what: str) -> bool | None:
        if node is None:
            return None
        if node.tag != "tag:yaml.org,2002:bool":
            self._wrong(node, f"{what} must be true or false")
            return None
        return str(node.value).lower() in ("true", "yes", "on")


# --- styles ------------------------------------------------------------------


def style(theme: Theme, name: str, background: str = "") -> Style:
    """The rich style of a name such as ``working``, ``dim`` or ``bar-red+bold``.

    A name is a role of the theme (a grey, ``page``, a state, a job's phase, ``accent``,
    ``banner``, ``bar-calm|amber|red``), then ``+bold``, ``+italic``, ``+underline`` or
    ``+reverse``. ``background`` is a role as well. Raises ValueError for any other name.
    """
    role, *attributes = name.split("+")
    try:
        foreground = theme[role]
        behind = theme[background] if background else None
    except KeyError as error:
        raise ValueError(f"the theme has no style {name!r}") from error
    return _style(foreground, behind, tuple(attributes))


@lru_cache(maxsize=1024)
def _style(foreground: str, background: str | None, attributes: tuple[str, ...]) -> Style:
    unknown = set(attributes) - {"bold", "italic", "underline", "reverse"}
    if unknown:
        raise ValueError(f"no text attribute {', '.join(sorted(unknown))}")
    return Style(
        color=_rich(foreground),
        bgcolor=_rich(background) if background else None,
        bold="bold" in attributes or None,
        italic="italic" in attributes or None,
        underline="underline" in attributes or None,
        reverse="reverse" in attributes or None,
    )


def _rich(colour: str) -> str:
    return colour.removeprefix("ansi_")


def painted(theme: Theme, spans: Iterable[Span]) -> Text:
    """Spans as rich Text, for widgets that are no tables. The text is never read as markup."""
    text = Text(no_wrap=True, end="")
    for words, name in spans:
        text.append(words, style(theme, name))
    return text


# --- Textual -----------------------------------------------------------------


@dataclass
class SkinTheme(TextualTheme):
    """A Textual theme that remembers which of ours it was made from."""

    source: Theme | None = None


def to_textual(theme: Theme) -> SkinTheme:
    """The theme for Textual, with variables for its own widgets and for our style sheets.

    Ours: ``$faint``, ``$dim``, ``$strong``, ``$selection``, ``$banner``, ``$bar-calm``
    and ``$state-<state>`` (``$state-asking``), beside Textual's own names.
    """
    c = theme.colours
    ours = {role: c[role] for role in ("faint", "dim", "strong", "selection", "flash", "banner")}
    ours |= {f"bar-{bar}": c[f"bar-{bar}"] for bar in BARS}
    ours |= {f"state-{state}": c[state] for state in STATES}
    textual = {
        "text": c["text"],
        "text-muted": c["dim"],
        "text-disabled": c["dim"],
        "foreground-muted": c["dim"],
        "text-accent": c["accent"],
        "text-warning": c["asking"],
        "text-error": c["dead"],
        "text-success": c["working"],
        "border": c["accent"],
        "border-blurred": c["faint"],
        "block-cursor-foreground": c["strong"],
        "block-cursor-background": c["selection"],
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-foreground": c["text"],
        "block-cursor-blurred-background": c["surface"],
        "block-cursor-blurred-text-style": "none",
        "block-hover-background": c["surface"],
        "input-cursor-background": c["strong"],
        "input-cursor-foreground": c["page"],
        "input-selection-background": c["selection"],
        "input-selection-foreground": c["strong"],
        "screen-selection-background": c["selection"],
        "screen-selection-foreground": c["strong"],
        "scrollbar": c["faint"],
        "scrollbar-hover": c["dim"],
        "scrollbar-active": c["accent"],
        "scrollbar-background": c["page"],
        "scrollbar-background-hover": c["page"],
        "scrollbar-background-active": c["page"],
        "scrollbar-corner-color": c["page"],
        "footer-foreground": c["dim"],
        "footer-background": c["page"],
        "footer-key-foreground": c["strong"],
        "footer-key-background": c["page"],
        "footer-description-foreground": c["dim"],
        "footer-description-background": c["page"],
        "footer-item-background": c["page"],
        "button-foreground": c["strong"],
        "button-color-foreground": c["page"],
        "link-color": c["accent"],
        "ansi-background": c["page"],
        "ansi-foreground": c["text"],
    }
    return SkinTheme(
        name=f"sactui-{theme.name}",
        primary=c["accent"],
        secondary=c["idle"],
        warning=c["asking"],
        error=c["dead"],
        success=c["working"],
        accent=c["accent"],
        foreground=c["text"],
        background=c["page"],
        surface=c["surface"],
        panel=c["surface"],
        boost=c["surface"],
        dark=theme.dark,
        ansi=theme.ansi,
        luminosity_spread=0.08,
        text_alpha=1.0,
        variables={**textual, **ours},
        source=theme,
    )


def install(app: App[Any], theme: Theme) -> None:
    """Make it the app's theme, now and for every widget."""
    skin = to_textual(theme)
    if app.theme == skin.name:
        # Textual dresses anew only for another name: the same theme, written anew, takes turns.
        skin.name += "-again"
    app.register_theme(skin)
    app.theme = skin.name


def current(app: App[Any]) -> Theme:
    """The theme the app shows; the default one while it wears a theme of Textual's."""
    skin = app.current_theme
    if isinstance(skin, SkinTheme) and skin.source is not None:
        return skin.source
    return _default()


@lru_cache(maxsize=1)
def _default() -> Theme:
    return load_theme(DEFAULT)
