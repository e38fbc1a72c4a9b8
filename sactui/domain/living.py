"""A living pane: what the agent reports, what its screen says, when it last printed something."""

from __future__ import annotations

from dataclasses import replace

from .fleet import Evidence
from .look import Draft, Look, keep
from .pane import Pane
from .resets import reset_at
from .screen import ScreenVerdict
from .state import AgentState

#: An agent that worked is idle once it has been silent for so many seconds.
IDLE_STABLE = 1.5
#: A report that is older than the last output by more than so many seconds is no evidence;
#: nor is one of movement when nothing has moved for so long.
REPORT_SLACK = 10.0
#: So many seconds after its start, a screen that says nothing yet means that it starts.
START_GRACE = 30.0
#: A program without screen rules works if its last output is at most so many seconds old.
ACTIVE_WITHIN = 10.0

_MOVING = frozenset({AgentState.WORKING, AgentState.RETRYING, AgentState.STARTING})
#: States that began with the last thing that was printed.
_SINCE_OUTPUT = frozenset({AgentState.IDLE, AgentState.ASKING, AgentState.LIMITED})


def by_pane(look: Look, chain: list[Evidence]) -> Draft:
    """The verdict about a pane that is there and alive; adds its evidence to ``chain``."""
    pane = look.pane
    assert pane is not None
    reported = _report(look, pane, chain)
    screen = look.screen
    if screen is not None:
        evidence = screen_evidence(screen, look)
        if reported is not None and screen.state is not reported:
            evidence = replace(evidence, used=False, note="its own report comes first")
        chain.append(evidence)
    if pane.activity_at is not None:
        chain.append(Evidence("activity", "last output", look.ours(pane.activity_at), used=False))
    if reported is not None:
        why = (
            screen.why
            if screen is not None and screen.state is reported and screen.why
            else f"reports {reported}"
        )
        return _living(look, reported, why, "agent")
    if screen is not None and screen.hold:
        if look.previous is not None and look.previous.state.alive:
            return replace(keep(look.previous, stale=False), seen_at=look.server_seen_at, running=True)
        return _living(look, AgentState.UNKNOWN, screen.why, "screen")
    if screen is not None and screen.state is not AgentState.UNKNOWN:
        return _by_screen(look, screen, chain)
    return _by_activity(look, chain)


def _report(look: Look, pane: Pane, chain: list[Evidence]) -> AgentState | None:
    """The state the agent reports, if that is evidence."""
    if not pane.report:
        return None
    at = look.ours(pane.report_at)
    text = f"reports {pane.report}"
    note = ""
    state: AgentState | None = None
    if pane.report in tuple(AgentState):
        state = AgentState(pane.report)
    if state is None or not state.alive:
        note = "not a state that an agent can report"
    elif pane.report_at is None or pane.activity_at is None or look.silence is None:
        note = "its age is not known"
    elif pane.activity_at - pane.report_at > REPORT_SLACK:
        note = "older than the screen"
    elif state in _MOVING and look.silence > REPORT_SLACK:
        # A program that works redraws its spinner: after such silence it waits for something.
        note = "nothing has moved since"
    chain.append(Evidence("agent", text, at, used=not note, note=note))
    return None if note else state


def screen_evidence(screen: ScreenVerdict, look: Look) -> Evidence:
    """The rule that decided, with the line it found."""
    if screen.rule:
        where = f", line {screen.line}" if screen.line is not None else ""
        text = (
            f"rule {screen.rule}{where}: {screen.evidence}"
            if screen.evidence
            else f"rule {screen.rule}{where}"
        )
        return Evidence("screen", text, look.server_seen_at)
    return Evidence("screen", screen.why, look.server_seen_at, used=False)


def _by_screen(look: Look, screen: ScreenVerdict, chain: list[Evidence]) -> Draft:
    silence, before = look.silence, look.previous
    if screen.state is AgentState.IDLE and silence is not None:
        if silence < screen.quiet:
            _demote(chain, "its output has not been quiet for long enough")
            return _by_output(look, chain)
        was_moving = before is not None and before.state in (*_MOVING, AgentState.BACKGROUND)
        if before is not None and was_moving and silence < IDLE_STABLE:
            _demote(chain, f"idle for less than {IDLE_STABLE} s")
            return replace(keep(before, stale=False), seen_at=look.server_seen_at, running=True)
    return _living(look, screen.state, screen.why or str(screen.state), "screen")


def _demote(chain: list[Evidence], note: str) -> None:
    for index, item in enumerate(chain):
        if item.source == "screen":
            chain[index] = replace(item, used=False, note=note)


def _by_activity(look: Look, chain: list[Evidence]) -> Draft:
    pane, server, screen = look.pane, look.server, look.screen
    assert pane is not None
    assert server is not None
    young = pane.created_at is not None and server.now - pane.created_at < START_GRACE
    # Where no rules can tell, anything on the screen is more than starting.
    if young and (screen is None or screen.covered or screen.blank):
        return _living(look, AgentState.STARTING, "its screen says nothing yet", "screen")
    if screen is None:
        return _living(look, AgentState.UNKNOWN, "its screen was not read", "screen")
    silence = look.silence
    if not screen.covered and silence is not None and silence <= ACTIVE_WITHIN:
        return _by_output(look, chain)
    return _living(look, AgentState.UNKNOWN, screen.why, "screen")


def _by_output(look: Look, chain: list[Evidence]) -> Draft:
    for index, item in enumerate(chain):
        if item.source == "activity":
            chain[index] = replace(item, used=True)
    return _living(look, AgentState.WORKING, "its output moves", "activity")


def _living(look: Look, state: AgentState, why: str, layer: str) -> Draft:
    pane, screen = look.pane, look.screen
    assert pane is not None
    output = look.ours(pane.activity_at)
    until = None
    since: float | None = None
    if state in _SINCE_OUTPUT:
        since = output
    elif state is AgentState.STARTING:
        since = look.ours(pane.created_at)
    if state is AgentState.LIMITED and screen is not None and screen.fact("resets"):
        before = look.previous
        # A repaint does not move the moment at which the limit was announced.
        if before is not None and before.state is state and before.why == why and before.until is not None:
            until = before.until
        else:
            until = reset_at(screen.fact("resets"), look.now if output is None else output)
    return Draft(
        state=state,
        why=why,
        layer=layer,
        since=since,
        seen_at=look.server_seen_at,
        stale=look.trouble is not None,
        running=state is not AgentState.DEAD,
        until=until,
    )
