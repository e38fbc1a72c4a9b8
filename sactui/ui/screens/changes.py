"""The keys that change something: plan it, ask as gravely as it is, run it, say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.screen import Screen

from ...core.controller import Controller
from ...core.job_actions import SIGNALS
from ...core.job_verbs import VERBS, Target
from ...core.plan import Grade, Outcome, Plan, Result
from ...domain.fleet import Agent, Reservation
from ...domain.job import Job
from ...domain.text import visible
from ...errors import SactuiError
from ...slurm import values
from .booking import BookingDialog, booking_fields, free_name, request_of
from .dialog import ConfirmDialog, MessageDialog
from .prompt import PromptDialog
from .selection import startable

Jobs = Sequence[tuple[str, Job]]

#: Action of the key table to the verb of jobs.
JOB_ACTIONS = {
    "cancel": "cancel",
    "hold": "hold",
    "unhold": "release",
    "requeue": "requeue",
    "signal": "signal",
    "time": "time",
}


class Changes:
    """Every change that a key of ``screen`` can begin. ``done`` is called when plans have run."""

    def __init__(self, screen: Screen[None], controller: Controller, done: Callable[[], None]) -> None:
        self._screen = screen
        self._controller = controller
        self._done = done
        self._last_booking: dict[str, str] = {}

    # -- agents and reservations --------------------------------------------------------

    def start(self, agents: Sequence[Agent]) -> None:
        names = [agent.name for agent in agents if startable(agent)]
        self._confirm(lambda: self._controller.plan_start(names))

    def stop(self, agents: Sequence[Agent]) -> None:
        names = [agent.name for agent in agents if agent.pane is not None]
        self._confirm(lambda: self._controller.plan_stop(names))

    def restart(self, agents: Sequence[Agent]) -> None:
        names = [agent.name for agent in agents if agent.pane is not None and agent.path]
        self._confirm(lambda: self._controller.plan_restart(names))

    def release(self, reservation: Reservation) -> None:
        self._confirm(lambda: [self._controller.plan_release(reservation)])

    def extend(self, reservation: Reservation) -> None:
        """Ask for another time limit of a reservation's job."""
        job = reservation.job
        limit = values.duration_text(job.time_limit) if job and job.time_limit is not None else ""

        def plans(time: str) -> list[Plan]:
            return [self._controller.plan_extend(reservation, time)]

        self._ask(f"time limit of {reservation.name}", "counted from its start: 4:00:00, 7-0", limit, plans)

    def book(self, wanted: str) -> None:
        """Open the booking form; ``wanted`` is the name that the selected agent waits for."""
        fleet = self._controller.fleet
        taken = {reservation.name for reservation in fleet.reservations}
        before = {**self._last_booking, "name": free_name(wanted or "pool", taken)}
        fields = booking_fields([host.name for host in fleet.hosts], before)
        self._screen.app.push_screen(BookingDialog(fields, self._check_booking), self._booked)

    def _check_booking(self, given: dict[str, str]) -> None:
        self._controller.plan_book(request_of(given))

    def _booked(self, given: dict[str, str] | None) -> None:
        if given is not None:
            self._last_booking = given
            self._confirm(lambda: [self._controller.plan_book(request_of(given))])

    # -- jobs ---------------------------------------------------------------------------

    @staticmethod
    def fits(action: str, jobs: Jobs) -> bool:
        """Whether an action on jobs can be done to one of them."""
        verb = VERBS[JOB_ACTIONS[action]]
        options = {"time": "UNLIMITED"}  # a limit that no job has outrun: what remains is its state
        return any(not verb.refuse(job, options) for _, job in jobs)

    @staticmethod
    def why_not(action: str, job: Job) -> str:
        """Why an action cannot be done to a job, in words."""
        why = VERBS[JOB_ACTIONS[action]].refuse(job, {"time": "UNLIMITED"})
        return f"job {job.label} {why}" if why else ""

    def jobs(self, action: str, jobs: Jobs) -> None:
        """Begin one of :data:`JOB_ACTIONS` on jobs; what it needs to know is asked first."""
        verb = JOB_ACTIONS[action]
        targets = [(host, Target(job)) for host, job in jobs]
        what = f"job {jobs[0][1].label}" if len(jobs) == 1 else f"{len(jobs)} jobs"
        if verb == "signal":
            hint = f"one of {', '.join(SIGNALS)}, or a number"
            self._ask(
                f"signal to {what}",
                hint,
                "USR1",
                lambda text: self._controller.plan_jobs(verb, targets, signal=text),
            )
        elif verb == "time":
            limit = jobs[0][1].time_limit
            self._ask(
                f"time limit of {what}",
                "counted from its start: 4:00:00, 7-0; users may only lower it",
                values.duration_text(limit) if limit is not None else "",
                lambda text: self._controller.plan_jobs(verb, targets, time=text),
            )
        else:
            self._confirm(lambda: self._controller.plan_jobs(verb, targets))

    # -- asking and running -------------------------------------------------------------

    def _ask(self, title: str, hint: str, value: str, plans: Callable[[str], list[Plan]]) -> None:
        """Ask for one value; one that cannot be is refused where it is typed."""

        def check(text: str) -> None:
            plans(text)

        def answered(text: str | None) -> None:
            if text is not None:
                self._confirm(lambda: plans(text))

        self._screen.app.push_screen(PromptDialog(title, hint, value, check), answered)

    def _confirm(self, make: Callable[[], list[Plan]]) -> None:
        """Plan, show what will happen, and run it when a person says so."""
        try:
            plans = make()
        except SactuiError as error:
            self._screen.app.push_screen(MessageDialog("not done", [error.message, error.remedy]))
            return
        if not plans:
            return
        if all(plan.grade is Grade.NONE for plan in plans):
            self._confirmed(plans)
            return
        self._screen.app.push_screen(
            ConfirmDialog(plans), lambda yes: self._confirmed(plans) if yes else None
        )

    def _confirmed(self, plans: Sequence[Plan]) -> None:
        self._screen.run_worker(self._run(plans), group="actions")

    async def _run(self, plans: Sequence[Plan]) -> None:
        for plan in plans:
            self._screen.notify(visible(plan.title) + " …", markup=False, timeout=2)
            try:
                outcome = await self._controller.run(plan)
            except SactuiError as error:
                outcome = Outcome(Result.FAILED, error.message, "", error.remedy)
            if outcome.result is Result.DONE:
                self.say(outcome.message)
            else:
                parts = [
                    f"{n}: {o.message}\n{o.evidence}" for n, o in outcome.parts if o.result is not Result.DONE
                ]
                paragraphs = [outcome.message, *(parts or [outcome.evidence]), outcome.remedy]
                self._screen.app.push_screen(
                    MessageDialog(plan.title, [text for text in paragraphs if text.strip()])
                )
        self._done()

    def say(self, text: str | None) -> None:
        """One line of news that goes away by itself."""
        if text:
            self._screen.notify(visible(text.replace("\n", " · ")), markup=False, timeout=6)
