"""The live table: identity held through every change, only changed lines repainted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.message import Message
from textual.pilot import Pilot

from sactui import clock
from sactui.domain.query import Field, Kind
from sactui.domain.shape import Shape
from sactui.ui import theming
from sactui.ui.table import paint
from sactui.ui.table.export import Form
from sactui.ui.table.row import LazyRows, Row, cell
from sactui.ui.table.widths import Column
from sactui.ui.widgets.live_table import LiveTable

COLUMNS = (
    Column("name", "name", min_width=4, max_width=20, priority=1),
    Column("age", "age", min_width=3, max_width=6, align="right", priority=3, whole=True, flash=False),
    Column("why", min_width=8, flex=1, priority=2),
)


def row(key: str, age: str = "1s", why: str = "fine", *, dim: bool = False) -> Row:
    return Row(key, (cell(key), cell(age, "dim"), cell(why, "working")), dim)


def rows(*keys: str) -> list[Row]:
    return [row(key) for key in keys]


def many(count: int) -> list[Row]:
    return [row(f"r{i:05}") for i in range(count)]


class TableApp(App[None]):
    """One table; remembers its messages and which regions it was asked to repaint."""

    CSS = "Screen { background: $background; }"

    def __init__(self, table: LiveTable) -> None:
        super().__init__()
        self.table = table
        self.seen: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        theming.install(self, theming.load_theme("dark"))
        self.table.focus()

    def on_live_table_selected(self, message: LiveTable.Selected) -> None:
        self.seen.append(message)

    def on_live_table_shaped(self, message: LiveTable.Shaped) -> None:
        self.seen.append(message)

    def on_live_table_activated(self, message: LiveTable.Activated) -> None:
        self.seen.append(message)

    def on_live_table_marked(self, message: LiveTable.Marked) -> None:
        self.seen.append(message)


Steps = Callable[[TableApp, LiveTable, Pilot[None]], Awaitable[None]]


def run(steps: Steps, *, size: tuple[int, int] = (60, 11), table: LiveTable | None = None) -> None:
    async def main() -> None:
        shown = table or LiveTable(COLUMNS, title="THINGS")
        app = TableApp(shown)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(app, shown, pilot)

    asyncio.run(main())


def lines(table: LiveTable) -> list[str]:
    return [table.render_line(y).text for y in range(table.size.height)]


def repainted(table: LiveTable, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Region, ...]]:
    calls: list[tuple[Region, ...]] = []
    original = table.refresh

    def refresh(*regions: Region, **options: bool) -> LiveTable:
        calls.append(regions)
        return original(*regions, **options)

    monkeypatch.setattr(table, "refresh", refresh)
    return calls


# --- drawing -----------------------------------------------------------------


def test_rows_are_drawn_under_a_heading_with_the_selection_at_the_edge() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.note = [("gpu-pool", "dim")]
        table.show(rows("alpha", "beta"))
        await pilot.pause()
        drawn = lines(table)
        assert drawn[0].startswith("  THINGS  gpu-pool")
        assert drawn[1].startswith("▌ alpha  ")
        assert drawn[2].startswith("  beta  ")
        assert drawn[3].strip() == ""
        assert all(len(line) == 60 for line in drawn)

    run(steps)


def test_an_empty_table_says_so() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        assert lines(table)[1].strip() == "no agents yet"
        table.empty = "the controller answered: [nothing]"
        table.show([])
        assert lines(table)[1].strip() == "the controller answered: [nothing]"
        assert table.cursor_key is None
        table.show(rows("a"))
        assert "nothing" not in "".join(lines(table))

    run(steps, table=LiveTable(COLUMNS, empty="no agents yet"))


def test_hostile_names_are_text() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show([row("[red]x[/]"), row("a\x1b[2Jb\n"), row("翻訳翻訳翻訳翻訳翻訳翻訳")])
        await pilot.pause()
        drawn = lines(table)
        assert "[red]x[/]" in drawn[1]
        assert "a\\e[2Jb\\n" in drawn[2]
        assert "翻訳翻訳翻訳翻訳翻…" in drawn[3]
        assert all(table.render_line(y).cell_length == 60 for y in range(4))

    run(steps)


def test_ascii_strokes_and_no_heading() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(rows("alpha"))
        assert lines(table)[0].startswith("> alpha")
        table.heading = True
        assert lines(table)[1].startswith("> alpha")

    run(steps, table=LiveTable(COLUMNS, heading=False, strokes=paint.ASCII))


def test_a_rule_under_the_heading() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(rows("alpha"))
        drawn = lines(table)
        assert set(drawn[1]) == {"─"}
        assert drawn[2].startswith("▌ alpha")

    run(steps, table=LiveTable(COLUMNS, rule=True))


def test_dim_rows_lose_their_colour_and_focus_shows() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        theme = theming.load_theme("dark")
        table.show([row("fresh"), row("stale", dim=True), row("other")])
        await pilot.press("end")
        colours = [
            {
                str(segment.style.color.name)
                for segment in table.render_line(y)
                if segment.text.strip() and segment.style and segment.style.color
            }
            for y in (1, 2)
        ]
        assert theme["working"] in colours[0]
        assert colours[1] == {theme["dim"]}

        def backgrounds() -> set[str]:
            strip = table.render_line(3)
            return {s.style.bgcolor.name for s in strip if s.style and s.style.bgcolor}

        assert backgrounds() == {theme["selection"]}
        app.set_focus(None)
        await pilot.pause()
        assert backgrounds() == {theme["page"]}
        assert lines(table)[3].startswith("▌")

    run(steps)


def test_another_theme_is_worn_at_once() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(rows("a", "b"))
        await pilot.pause()
        light = theming.load_theme("light")
        theming.install(app, light)
        await pilot.pause()
        backgrounds = {s.style.bgcolor.name for s in table.render_line(2) if s.style and s.style.bgcolor}
        assert backgrounds == {light["page"]}

    run(steps)


# --- identity ----------------------------------------------------------------


def test_the_cursor_stays_on_its_row_through_sort_insert_and_removal() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(rows("a", "b", "c", "d"))
        await pilot.press("j", "j")
        assert table.cursor_key == "c"
        table.show(rows("d", "c", "b", "a"))
        assert (table.cursor_key, table.cursor_index) == ("c", 1)
        table.show(rows("x", "y", "d", "c", "b"))
        assert (table.cursor_key, table.cursor_index) == ("c", 3)
        table.show(rows("y", "c"))
        assert (table.cursor_key, table.cursor_index) == ("c", 1)

    run(steps)


def test_when_the_row_is_gone_the_cursor_stays_where_it_is() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(rows("a", "b", "c"))
        await pilot.press("j")
        table.show(rows("a", "c"))
        assert table.cursor_key == "c"
        table.show(rows("a"))
        assert table.cursor_key == "a"
        table.show([])
        assert (table.cursor_key, table.cursor_index) == (None, -1)
        table.show(rows("z"))
        await pilot.pause()
        assert table.cursor_key == "z"
        keys = [message.key for message in app.seen if isinstance(message, LiveTable.Selected)]
        assert keys[-1] == "z"

    run(steps)


def test_marks_belong_to_keys() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(rows("a", "b", "c"))
        await pilot.press("space", "space")
        assert table.marked == ("a", "b")
        assert table.cursor_key == "c"
        table.show(rows("c", "b", "a"))
        assert table.marked == ("b", "a")
        assert lines(table)[2].startswith(" •b")
        table.show(rows("c", "a"))
        table.show(rows("c", "b", "a"))
        assert table.marked == ("a",)
        table.clear_marks()
        await pilot.pause()
        assert table.marked == ()
        assert any(isinstance(message, LiveTable.Marked) for message in app.seen)

    run(steps)


def test_scroll_follows_the_selected_row() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        everything = many(100)
        table.show(everything)
        await pilot.pause()
        table.move_to("r00050")
        await pilot.press("k", "k")
        offset = table.cursor_index - table.scroll_offset.y
        table.show([row("new-1"), row("new-2"), *everything])
        await pilot.pause()
        assert table.cursor_key == "r00048"
        assert table.cursor_index - table.scroll_offset.y == offset
        table.show(everything[40:])
        await pilot.pause()
        assert table.cursor_index - table.scroll_offset.y == offset

    run(steps)


def test_a_view_scrolled_away_from_the_cursor_keeps_its_top_row() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        everything = many(100)
        table.show(everything)
        await pilot.pause()
        table.scroll_to(y=60, animate=False)
        await pilot.pause()
        table.show([row("new"), *everything])
        await pilot.pause()
        assert table.scroll_offset.y == 61
        assert table.cursor_key == "r00000"

    run(steps)


def test_at_the_top_news_is_seen() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(many(100))
        await pilot.press("j", "j", "j")
        table.show([row("urgent"), *many(100)])
        await pilot.pause()
        assert table.scroll_offset.y == 0
        assert (table.cursor_key, table.cursor_index) == ("r00003", 4)
        assert "urgent" in lines(table)[1]

    run(steps)


def test_a_much_shorter_list_leaves_no_empty_window() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(many(100))
        await pilot.press("G")
        assert table.scroll_offset.y == 90
        table.show(many(12))
        await pilot.pause()
        assert table.scroll_offset.y == 2
        assert table.cursor_key == "r00011"
        assert "r00011" in lines(table)[-1]

    run(steps)


# --- keys and mouse ----------------------------------------------------------


def test_keys_move() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(many(100))  # ten lines of rows are visible
        await pilot.pause()
        at: Sequence[tuple[str, int]] = (
            ("down", 1), ("j", 2), ("up", 1), ("k", 0), ("k", 0), ("pagedown", 9), ("ctrl+d", 13),
            ("ctrl+u", 9), ("pageup", 0), ("G", 99), ("down", 99), ("g", 0), ("end", 99), ("home", 0),
        )  # fmt: skip
        for key, place in at:
            await pilot.press(key)
            assert (key, table.cursor_index) == (key, place)
            assert 0 <= table.cursor_index - table.scroll_offset.y < 10

    run(steps)


def test_enter_and_clicks() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(rows("a", "b", "c"))
        await pilot.press("j", "enter")
        await pilot.click(table, offset=(5, 3))
        assert table.cursor_key == "c"
        await pilot.click(table, offset=(5, 0))
        await pilot.click(table, offset=(5, 8))
        assert table.cursor_key == "c"
        await pilot.click(table, offset=(5, 1), times=2)
        await pilot.pause()
        assert [m.key for m in app.seen if isinstance(m, LiveTable.Activated)] == ["b", "a"]
        assert [m.key for m in app.seen if isinstance(m, LiveTable.Selected)][-3:] == ["b", "c", "a"]

    run(steps)


def test_nothing_happens_without_rows() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        await pilot.press("j", "enter", "space", "G", "g", "pagedown")
        assert (table.cursor_index, table.marked, app.seen) == (-1, (), [])
        assert not table.move_to("a")

    run(steps)


def test_newer_messages_replace_older_ones_of_the_same_table() -> None:
    one, two = LiveTable(COLUMNS), LiveTable(COLUMNS)
    selected = LiveTable.Selected(one, "a")
    assert LiveTable.Selected(one, "b").can_replace(selected)
    assert not LiveTable.Selected(two, "b").can_replace(selected)
    assert not LiveTable.Activated(one, "b").can_replace(selected)


# --- repainting --------------------------------------------------------------


def test_only_changed_lines_are_repainted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        everything = many(100)
        table.show(everything)
        await pilot.pause()
        lines(table)
        calls = repainted(table, monkeypatch)
        table.show(list(everything))
        assert calls == []
        changed = list(everything)
        changed[2] = row("r00002", why="good")
        changed[4] = row("r00004", why="good")
        changed[5] = row("r00005", why="good")
        changed[70] = row("r00070", why="good")
        table.show(changed)
        assert calls == [(Region(0, 3, 60, 1), Region(0, 5, 60, 2))]
        lines(table)
        calls.clear()
        table.action_cursor(1)
        assert calls == [(Region(0, 1, 60, 2),)]

    run(steps)


def test_rows_out_of_sight_are_never_built() -> None:
    built: set[int] = set()

    def build(item: int) -> Row:
        built.add(item)
        return row(f"r{item}")

    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(LazyRows(range(10_000), lambda item: f"r{item}", build))
        await pilot.pause()
        assert built == set(range(10))
        await pilot.press("G")
        assert table.cursor_key == "r9999"
        assert built == {*range(10), *range(9990, 10_000)}

    run(steps)


def test_widths_hold_still_and_fit() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show([row("short"), row("b")])
        assert table.column_widths[0] == 5
        table.show([row("a longer name"), row("b")])
        assert table.column_widths[0] == 13
        table.show([row("short"), row("b")])
        assert table.column_widths[0] == 13
        await pilot.resize_terminal(20, 11)
        await pilot.pause()
        assert table.column_widths == (7, 0, 8)
        assert all(len(line) == 20 for line in lines(table))

    run(steps)


def test_other_columns() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(rows("a", "b"))
        table.set_columns((Column("only", flex=1),))
        table.show([Row("b", (cell("new form"),))])
        await pilot.pause()
        assert "new form" in lines(table)[1]
        assert table.cursor_key == "b"

    run(steps)


# --- flashing ----------------------------------------------------------------


def flashing(table: LiveTable, y: int) -> str:
    flash = theming.load_theme("dark")["flash"]
    return "".join(
        s.text for s in table.render_line(y) if s.style and s.style.bgcolor and s.style.bgcolor.name == flash
    )


def test_a_changed_cell_flashes_once_but_an_age_does_not() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show([row("a"), row("b"), row("c")])
        await pilot.pause()
        table.show([row("a"), row("b", "2s", "asks"), row("c", "2s"), row("new")])
        assert [flashing(table, y) for y in (1, 2, 3, 4)] == ["", "asks", "", ""]
        table.show([row("a"), row("b", "3s", "asks"), row("c", "3s", "asks"), row("new")])
        assert [flashing(table, y) for y in (2, 3)] == ["asks", "asks"]
        deadline = asyncio.get_running_loop().time() + 10
        while any(flashing(table, y) for y in (2, 3)):
            assert asyncio.get_running_loop().time() < deadline
            await pilot.pause(0.02)

    run(steps, table=LiveTable(COLUMNS, flash=True))


def test_nothing_flashes_in_a_headless_app() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show([row("a")])
        await pilot.pause()
        table.show([row("a", why="asks")])
        assert flashing(table, 1) == ""

    run(steps)


# --- the view ----------------------------------------------------------------

Thing = tuple[str, int, float]  # name, size, born at

THING_COLUMNS = (
    Column("glyph", min_width=1, max_width=1, priority=1),
    Column("name", "name", min_width=4, max_width=20, gap=1, priority=1),
    Column("size", "size", min_width=4, max_width=6, align="right", priority=3, whole=True),
    Column("words", min_width=8, flex=1, priority=2),
)
THING_FIELDS: tuple[Field[Thing], ...] = (
    Field("name", Kind.TEXT, lambda thing, _: thing[0], "its name"),
    Field("size", Kind.NUMBER, lambda thing, _: thing[1], "its size"),
    Field("age", Kind.DURATION, lambda thing, now: now - thing[2], "its age", timely=True),
)


def things(*items: tuple[str, int]) -> LazyRows[Thing]:
    now = clock.now()

    def build(thing: Thing) -> Row:
        return Row(thing[0], (cell("*"), cell(thing[0]), cell(str(thing[1])), cell("words of it", "dim")))

    return LazyRows([(name, size, now - size) for name, size in items], lambda thing: thing[0], build)


def viewed() -> LiveTable:
    return LiveTable(THING_COLUMNS, fields=THING_FIELDS, title="THINGS")


MANY = (("alpha", 2), ("beta", 10), ("gamma", 1), ("delta", 0))


def names(table: LiveTable) -> list[object]:
    return list(table.keys)


def test_a_filter_is_typed_in_the_heading_and_works_while_typing() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(things(*MANY))
        table.begin_filter()
        assert table.filtering
        await pilot.press("m", "m")
        assert names(table) == ["gamma"]
        assert "/mm" in lines(table)[0]
        assert "1 of 4" in lines(table)[0]
        await pilot.press("ctrl+u", *"size:>1", "enter")
        assert not table.filtering
        assert names(table) == ["alpha", "beta"]
        assert "/size:>1  2 of 4" in lines(table)[0]
        # A new snapshot goes through the same filter, also one that is not the same object.
        table.show(things(*MANY, ("epsilon", 7)))
        assert names(table) == ["alpha", "beta", "epsilon"]
        assert table.back()
        assert len(names(table)) == 5
        assert not table.back()

    run(steps, table=viewed(), size=(90, 11))


def test_a_mistake_in_a_filter_keeps_the_rows_and_names_its_place() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(things(*MANY))
        table.begin_filter()
        await pilot.press(*"size:>")
        assert len(names(table)) == 3
        assert "here belongs a number at 7" in lines(table)[0]
        await pilot.press("5")
        assert names(table) == ["beta"]
        await pilot.press("x", "enter")
        # What is shown is the filter that holds.
        assert names(table) == ["beta"]
        assert "/size:>5  1 of 4" in lines(table)[0]

    run(steps, table=viewed(), size=(90, 11))


def test_keys_of_the_filter_do_not_reach_the_screen_but_arrows_move() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(things(*MANY))
        table.begin_filter()
        await pilot.press("a", "down", "down")
        assert (table.cursor_index, names(table)) == (2, ["alpha", "beta", "gamma", "delta"])
        await pilot.press("tab")  # nothing begins with "a" but age
        assert "/age:" in lines(table)[0]
        await pilot.press("escape")
        assert (table.filtering, table.shape.filter, len(names(table))) == (False, "", 4)

    run(steps, table=viewed(), size=(90, 11))


def test_nothing_that_matches_is_not_nothing() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(things(*MANY))
        table.filter("zeta")
        assert "none of 4 matches zeta: esc shows all" in lines(table)[1]

    run(steps, table=viewed(), size=(90, 11))


def test_sorting_by_keys_and_by_clicks_keeps_the_cursor_on_its_row() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(things(*MANY))
        await pilot.press("j")
        assert table.cursor_key == "beta"
        table.sort_step(1)
        assert names(table) == ["alpha", "beta", "delta", "gamma"]
        table.sort_step(1)
        assert names(table) == ["beta", "alpha", "gamma", "delta"]
        assert "by size ▾" in lines(table)[0]
        table.reverse()
        assert names(table) == ["delta", "gamma", "alpha", "beta"]
        assert (table.cursor_key, table.cursor_index) == ("beta", 3)
        table.sort("")
        assert names(table) == [name for name, _ in MANY]
        at = lines(table)[0].index("size")
        for wanted in (["beta", "alpha"], ["delta", "gamma"], ["alpha", "beta"]):
            await pilot.click(table, offset=(at, 0))
            await pilot.pause()
            assert names(table)[:2] == wanted
        assert table.cursor_key == "beta"

    run(steps, table=viewed(), size=(90, 11))


def test_columns_are_hidden_and_moved_and_the_glyph_goes_with_its_neighbour() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(things(*MANY))
        await pilot.press("j")
        assert lines(table)[1].startswith("  * alpha")
        table.show_columns(["words", "size", "name"], ["size"])
        assert lines(table)[1].startswith("  words of it")
        assert lines(table)[1].rstrip().endswith("* alpha")
        assert "10" not in lines(table)[2]
        assert table.cursor_key == "beta"
        table.show_columns(["words", "size", "name"], ["size", "words", "name"])  # never none at all
        assert lines(table)[1].startswith("  words of it")
        table.wear(Shape())
        assert lines(table)[1].startswith("  * alpha")
        await pilot.pause()
        assert any(isinstance(message, LiveTable.Shaped) for message in app.seen)

    run(steps, table=viewed(), size=(90, 11))


def test_the_same_snapshot_is_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    counted = (Field("name", Kind.TEXT, lambda thing, _: (asked.append(thing[0]), thing[0])[1], "its name"),)

    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.filter("a")
        snapshot = things(*MANY)
        table.show(snapshot)
        assert len(asked) == 4
        for _ in range(3):
            table.show(LazyRows(snapshot.items, snapshot.key, snapshot.build))
        assert len(asked) == 4

    run(steps, table=LiveTable(THING_COLUMNS, fields=counted))


def test_what_is_shown_can_be_taken_along() -> None:
    async def steps(app: TableApp, table: LiveTable, pilot: Pilot[None]) -> None:
        table.show(things(*MANY))
        table.filter("size:>1")
        assert table.exported(Form.CSV) == "name,size,words\nalpha,2,words of it\nbeta,10,words of it\n"
        assert [(one["name"], one["size"]) for one in json.loads(table.exported(Form.JSON))] == [
            ("alpha", 2),
            ("beta", 10),
        ]
        assert table.exported(Form.MARKDOWN).splitlines()[2] == "| alpha | 2 | words of it |"

    run(steps, table=viewed())
