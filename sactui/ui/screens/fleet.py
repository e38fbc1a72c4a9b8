"""The fleet: reservations, agents and jobs at a glance, and everything keys can do to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from ... import clock
from ...core.controller import Controller
from ...core.job_verbs import Target
from ...core.views import SavedViews
from ...domain.details import Details
from ...domain.fleet import Agent, Fleet
from ...domain.keymap import KeyAction
from ..render import agents as agent_rows
from ..render import details, problems
from ..render import jobs as job_rows
from ..render import reservations as reservation_rows
from ..render.header import line as header_line
from ..table.row import cell
from ..table.widths import Column
from ..theming import Theme
from ..widgets.chrome import Banner, Footer, Header, Tabs
from ..widgets.live_table import LiveTable
from ..widgets.preview import Preview, facts_text, freshness
from .attaching import Attaching
from .changes import JOB_ACTIONS, Changes, Jobs
from .dialog import MessageDialog
from .help import HelpDialog
from .job import JobScreen
from .logs import LogScreen
from .selection import STARTABLE, Selection, explain_job, move_cursor, no_jobs, startable
from .table_keys import FIELDS, TableKeys

#: Below this many columns one table is shown at a time, with tabs.
_WIDE = 110
#: Without a key for so many seconds ages move only every so many ticks: nobody reads the seconds.
_ALONE, _SLOW = 60.0, 5
_TABLES = ("reservations", "agents", "jobs", "problems")


class FleetScreen(Screen[None]):
    """The default screen. Holds no state of the cluster: every fleet comes in by :meth:`show`."""

    DEFAULT_CSS = """
    FleetScreen { layout: vertical; }
    FleetScreen > #header { height: 1; }
    FleetScreen > #body { height: 1fr; }
    FleetScreen LiveTable { height: 1fr; margin-bottom: 1; }
    FleetScreen.wide #reservations { height: auto; max-height: 30%; }
    FleetScreen.wide #jobs { height: auto; max-height: 34%; }
    FleetScreen.wide #problems { display: none; }
    FleetScreen.wide.problems #problems { display: block; height: auto; max-height: 30%; }
    FleetScreen.wide #middle { height: 1fr; }
    FleetScreen.wide #middle Preview { width: 42%; margin: 0 1 1 1; }
    FleetScreen.wide Tabs { display: none; }
    FleetScreen.narrow #middle { height: auto; }
    FleetScreen.narrow LiveTable { display: none; margin-bottom: 0; }
    FleetScreen.narrow Preview { display: none; }
    FleetScreen.narrow LiveTable.current { display: block; height: 1fr; }
    FleetScreen.narrow #middle.current { height: 1fr; }
    """

    def __init__(self, controller: Controller, keys: Sequence[KeyAction], look: Theme) -> None:
        super().__init__()
        self.controller = controller
        self.fleet = Fleet()
        self._keys = {action.key: action for action in keys}
        self._actions = tuple(keys)
        self._look = look
        self._current = "agents"
        self._touched = False
        self._changes = Changes(self, controller, self._changed)
        self._attaching = Attaching(self, controller, self._changes.say)
        self._ticks = 0
        self._last_input = clock.monotonic()
        self._do: dict[str, Callable[[Selection], None]] = {
            "attach": self._key_attach,
            "attach_full": self._key_attach_full,
            "logs": self._key_logs,
            "start": lambda chosen: self._changes.start(self._chosen_agents(chosen)),
            "stop": lambda chosen: self._changes.stop(self._chosen_agents(chosen)),
            "restart": lambda chosen: self._changes.restart(self._chosen_agents(chosen)),
            "next_attention": lambda _: self._attention(1),
            "previous_attention": lambda _: self._attention(-1),
            "explain": self._key_explain,
            "details": self._key_details,
            "definition": self._key_definition,
            "book": lambda chosen: self._changes.book(chosen.agent.reservation if chosen.agent else ""),
            "release": self._key_release,
            "extend": self._key_extend,
            **{action: self._job_key(action) for action in JOB_ACTIONS},
            "look": lambda _: self._look_now(),
            "next_table": lambda _: self._turn(1),
            "previous_table": lambda _: self._turn(-1),
            "reservations": lambda _: self._go("reservations"),
            "agents": lambda _: self._go("agents"),
            "jobs": lambda _: self._go("jobs"),
            "problems": lambda _: self._go("problems"),
            "back": lambda _: self._back(),
            "mark": lambda _: self._mark(),
            "help": lambda _: self._help(),
            "settings": lambda _: self._settings(),
            "activity": lambda _: self._activity(),
            "quit": lambda _: self.app.exit(0),
        }
        views = SavedViews(controller.configuration.state_directory)
        self._table_keys = TableKeys(self, views, lambda: self._table(self._current))

    # -- layout -----------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Header(id="header")
        yield Banner()
        yield Tabs()
        with Vertical(id="body"):
            yield self._make("reservations", reservation_rows.COLUMNS, "no reservation yet: b books one")
            with Horizontal(id="middle"):
                yield self._make(
                    "agents",
                    agent_rows.COLUMNS,
                    "no agents are defined: put <name>/<name>.yaml below --agents DIR",
                )
                yield Preview()
            yield self._make("jobs", job_rows.COLUMNS, "not looked yet")
            yield self._make("problems", problems.COLUMNS, "no problems")
        yield Footer()

    def _make(self, name: str, columns: Sequence[Column], empty: str) -> LiveTable:
        return LiveTable(columns, fields=FIELDS.get(name, ()), title=name.upper(), empty=empty, id=name)

    def on_mount(self) -> None:
        for table in self.query(LiveTable):
            self._table_keys.restore(table)
        self._arrange(self.size.width)
        self._go("agents")
        self.set_interval(1.0, self._tick)

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(event.size.width)
        self.call_after_refresh(self._paint)

    def _arrange(self, width: int) -> None:
        self.set_class(width >= _WIDE, "wide")
        self.set_class(width < _WIDE, "narrow")

    # -- data in ------------------------------------------------------------------------

    def show(self, fleet: Fleet) -> None:
        """Show a new fleet. Cursor, marks and scroll stay with their rows."""
        self.fleet = fleet
        if self.is_mounted:
            self._paint()

    def _tick(self) -> None:
        """Ages and bars move also when nothing new arrives: in seconds while somebody is there."""
        self._ticks += 1
        alone = clock.monotonic() - self._last_input > _ALONE and not any(
            h.troubles for h in self.fleet.hosts
        )
        if self.app.screen is self and (not alone or self._ticks % _SLOW == 0):
            self._paint()

    def _paint(self) -> None:
        now = clock.now()
        fleet = self.fleet
        read_only = self.controller.configuration.read_only
        spans = header_line(fleet, now, max(20, self.size.width), read_only=read_only)
        self.query_one(Header).show(spans)
        self.query_one(Banner).show(fleet, now)
        self._table("reservations").show(reservation_rows.rows(fleet, now))
        agents = self._table("agents")
        agents.show(agent_rows.rows(fleet, now))
        if not self._touched and agents.keys:
            # Until a person chooses, the cursor is on who is first, not on who was first once.
            agents.move_to(agents.keys[0])
        marked = len(agents.marked)
        agents.note = cell(f"{marked} marked, esc clears", "accent") if marked else ()
        jobs = self._table("jobs")
        jobs.view.me = next((host.user for host in fleet.hosts if host.user), "")
        jobs.empty = no_jobs(fleet)
        jobs.show(job_rows.rows(fleet, now, explain=explain_job))
        jobs.note = self._jobs_note()
        self._table("problems").show(problems.rows(fleet))
        self.set_class(bool(fleet.problems) and self._current == "problems", "problems")
        self._paint_selection()

    def _jobs_note(self) -> Sequence[tuple[str, str]]:
        if marked := len(self._table("jobs").marked):
            return cell(f"{marked} marked, esc clears", "accent")
        return cell(f"mine {len(self.fleet.jobs)}", "dim") if self.fleet.jobs else ()

    def _paint_selection(self) -> None:
        chosen = self.selection
        now = clock.now()
        preview = self.query_one(Preview)
        if chosen.agent is not None:
            agent = chosen.agent
            title = " · ".join(part for part in (agent.name, agent.node, agent.model) if part)
            pace = max((host.interval for host in self.fleet.hosts if host.name == agent.host), default=0.0)
            seen = "never seen" if agent.observed_at is None else freshness(now - agent.observed_at, pace)
            if agent.screen.strip():
                preview.screen_text(title, agent.screen, seen)
            else:
                preview.facts(*self._facts(chosen, now), self._look)
        elif chosen.reservation is not None or chosen.job is not None or chosen.problem is not None:
            preview.facts(*self._facts(chosen, now), self._look)
        else:
            preview.sentence("")
        self.query_one(Footer).show([a for a in self._actions if self._available(a, chosen)])
        self.query_one(Tabs).show([name.capitalize() for name in _TABLES], _TABLES.index(self._current))

    # -- selection ------------------------------------------------------------------------

    def _table(self, name: str) -> LiveTable:
        return self.query_one(f"#{name}", LiveTable)

    @property
    def selection(self) -> Selection:
        """What the cursor is on, found by identity in the newest fleet."""
        key = self._table(self._current).cursor_key
        if self._current == "agents":
            return Selection("agents", agent=next((a for a in self.fleet.agents if a.key == key), None))
        if self._current == "reservations":
            return Selection(
                "reservations", reservation=next((r for r in self.fleet.reservations if r.key == key), None)
            )
        if self._current == "jobs":
            found = next(((h, j) for h, j in self.fleet.jobs if (h, j.id) == key), None)
            return Selection("jobs", job=found)
        problem = next((p for p in self.fleet.problems if (p.where, p.what) == key), None)
        return Selection(self._current, problem=problem)

    def _chosen_agents(self, chosen: Selection) -> list[Agent]:
        """The marked agents, or the one under the cursor."""
        marked: set[Hashable] = set(self._table("agents").marked) if chosen.table == "agents" else set()
        agents = [agent for agent in self.fleet.agents if agent.key in marked]
        return agents or ([chosen.agent] if chosen.agent else [])

    def _chosen_jobs(self, chosen: Selection) -> Jobs:
        """The marked jobs, or the one under the cursor."""
        marked: set[Hashable] = set(self._table("jobs").marked) if chosen.table == "jobs" else set()
        jobs = [(host, job) for host, job in self.fleet.jobs if (host, job.id) in marked]
        return jobs or ([chosen.job] if chosen.job else [])

    def _available(self, action: KeyAction, chosen: Selection) -> bool:
        """Whether a key does something now: what a footer may show."""
        if action.changes and self.controller.configuration.read_only:
            return False
        if action.id in self._table_keys.actions:
            return self._table_keys.works(action.id)
        match action.id:
            case "attach" | "attach_full" | "logs":
                return chosen.agent is not None and chosen.agent.pane is not None
            case "start":
                return any(map(startable, self._chosen_agents(chosen)))
            case "stop":
                return any(a.pane is not None for a in self._chosen_agents(chosen))
            case "restart":
                return any(a.pane is not None and a.path for a in self._chosen_agents(chosen))
            case "explain":
                return chosen.agent is not None
            case "details":
                return any((chosen.agent, chosen.reservation, chosen.job, chosen.problem))
            case "definition":
                return chosen.agent is not None and bool(chosen.agent.path)
            case "release":
                return chosen.reservation is not None
            case "extend":
                job = chosen.reservation.job if chosen.reservation else None
                return job is not None and not job.phase.ended
            case _ if action.id in JOB_ACTIONS:
                return self._changes.fits(action.id, self._chosen_jobs(chosen))
            case "next_attention" | "previous_attention":
                return any(agent.state.needs_you for agent in self.fleet.agents)
            case _:
                return True

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        event.stop()
        self._paint_selection()

    def on_live_table_shaped(self, event: LiveTable.Shaped) -> None:
        event.stop()
        if isinstance(event.table, LiveTable):
            self._table_keys.remember(event.table)
        self._paint_selection()

    def on_live_table_activated(self, event: LiveTable.Activated) -> None:
        event.stop()
        self._key_details(self.selection)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        name = event.widget.id
        if name in _TABLES and name != self._current:
            self._current = name
            self._paint()

    # -- keys -----------------------------------------------------------------------------

    def on_click(self) -> None:
        self._touched = True
        self._last_input = clock.monotonic()

    def on_key(self, event: events.Key) -> None:
        self._touched = True
        self._last_input = clock.monotonic()
        if move_cursor(self._table(self._current), event.key):
            event.stop()
            event.prevent_default()
            return
        action = self._keys.get(event.key) or self._keys.get(event.character or "")
        if action is None or action.id not in {**self._do, **self._table_keys.actions}:
            return
        event.stop()
        event.prevent_default()
        chosen = self.selection
        if self._available(action, chosen):
            if action.id in self._do:
                self._do[action.id](chosen)
            else:
                self._table_keys.actions[action.id]()
        else:
            self.notify(self._why_not(action, chosen), severity="warning", timeout=3)

    def _why_not(self, action: KeyAction, chosen: Selection) -> str:
        if action.changes and self.controller.configuration.read_only:
            return f"{action.help}: this console is read-only"
        if action.id in ("attach", "attach_full", "logs") and chosen.agent is not None:
            return f"{chosen.agent.name} is not running; s starts it"
        if (
            action.id in JOB_ACTIONS
            and chosen.job
            and (why := self._changes.why_not(action.id, chosen.job[1]))
        ):
            return why
        if action.id in ("next_attention", "previous_attention"):
            return "no agent needs you"
        if action.id == "start" and chosen.agent is not None and chosen.agent.runtime not in STARTABLE:
            return f"{chosen.agent.name}: runtime {chosen.agent.runtime} is not started by sactui"
        return f"{action.help}: not for what is selected here"

    def _go(self, name: str) -> None:
        self._current = name
        for table in self.query(LiveTable):
            table.set_class(table.id == name, "current")
        self.query_one("#middle").set_class(name == "agents", "current")
        self.set_class(name == "problems", "problems")
        # At once: Widget.focus() would wait for its turn behind keys that are already there.
        self.set_focus(self._table(name))
        self._paint()

    def _turn(self, step: int) -> None:
        names = [name for name in _TABLES if name != "problems" or self.fleet.problems]
        at = names.index(self._current) if self._current in names else 0
        self._go(names[(at + step) % len(names)])

    def _attention(self, step: int) -> None:
        waiting = [agent.key for agent in self.fleet.agents if agent.state.needs_you]
        table = self._table("agents")
        at = (
            waiting.index(table.cursor_key) + step if table.cursor_key in waiting else (0 if step > 0 else -1)
        )
        self._go("agents")
        table.move_to(waiting[at % len(waiting)])

    def _back(self) -> None:
        """The nearest thing is undone: a filter, then marks."""
        self._table(self._current).back()

    def _mark(self) -> None:
        self._table(self._current).toggle_mark()
        self._paint()

    def _look_now(self) -> None:
        self.controller.look_now()
        self.notify("looking now", timeout=1.5)

    # -- looking into things ----------------------------------------------------------------

    def _activity(self) -> None:
        from ..app import SactuiApp

        assert isinstance(self.app, SactuiApp)
        self.app.open_activity()

    def _settings(self) -> None:
        from ..app import SactuiApp

        assert isinstance(self.app, SactuiApp)
        self.app.open_settings()

    def _help(self) -> None:
        chosen = self.selection
        self.app.push_screen(HelpDialog(self._actions, lambda action: self._available(action, chosen)))

    @staticmethod
    def _facts(chosen: Selection, now: float) -> tuple[str, details.Facts]:
        if chosen.agent is not None:
            return chosen.agent.name, details.agent_details(chosen.agent, now)
        if chosen.problem is not None:
            problem = chosen.problem
            return problem.kind, [("where", problem.where), ("what", problem.what), ("to do", problem.remedy)]
        if chosen.reservation is not None:
            return chosen.reservation.name, details.reservation_details(chosen.reservation, now)
        if chosen.job is not None:
            job = chosen.job[1]
            return f"job {job.label}", details.job_details(job, now, explain_job(job))
        return "", []

    def _key_explain(self, chosen: Selection) -> None:
        if chosen.agent is not None:
            self.app.push_screen(MessageDialog(chosen.agent.name, details.explain(chosen.agent, clock.now())))

    def _key_details(self, chosen: Selection) -> None:
        title, facts = self._facts(chosen, clock.now())
        if chosen.job is not None:
            host, job = chosen.job

            def ask() -> Awaitable[Details]:
                return self.controller.job_details(host, job.id, Target(job))

            self.app.push_screen(JobScreen(f"{title} · {job.name} · {host}", facts, ask, self._look))
        elif facts:
            self.app.push_screen(MessageDialog(title, [facts_text(facts, self._look)]))

    def _key_definition(self, chosen: Selection) -> None:
        if chosen.agent is None:
            return
        definition = self.controller.files.definitions.get(chosen.agent.name)
        try:
            with open(chosen.agent.path, encoding="utf-8", errors="replace") as file:
                text = file.read(200_000)
        except OSError as error:
            text = f"it cannot be read: {error.strerror}"
        notes = "\n".join(map(str, definition.notes)) if definition else ""
        self.app.push_screen(MessageDialog(chosen.agent.path, [text, notes] if notes else [text]))

    def _key_logs(self, chosen: Selection) -> None:
        if chosen.agent is not None:
            name = chosen.agent.name
            self.app.push_screen(LogScreen(name, lambda: self.controller.logs(name)))

    def _key_attach(self, chosen: Selection) -> None:
        if chosen.agent is not None:
            self._attaching.pane(chosen.agent)

    def _key_attach_full(self, chosen: Selection) -> None:
        if chosen.agent is not None:
            self._attaching.whole(chosen.agent)

    # -- changes ------------------------------------------------------------------------------

    def _changed(self) -> None:
        """What was marked has been acted on."""
        for name in ("agents", "jobs"):
            self._table(name).clear_marks()

    def _key_release(self, chosen: Selection) -> None:
        if chosen.reservation is not None:
            self._changes.release(chosen.reservation)

    def _key_extend(self, chosen: Selection) -> None:
        if chosen.reservation is not None:
            self._changes.extend(chosen.reservation)

    def _job_key(self, action: str) -> Callable[[Selection], None]:
        return lambda chosen: self._changes.jobs(action, self._chosen_jobs(chosen))
