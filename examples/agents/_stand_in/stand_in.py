#!/usr/bin/env python3
# Needs nothing but Python 3.6 or newer: it runs with whatever python3 a node has.
"""A stand-in for an AI coding agent: it looks like one and answers keys like one, and calls nothing.

It draws what Claude Code draws (a growing transcript, a spinner, permission
dialogs, a composer between two rules, a footer) and redraws it in place, so that a
console, its screen rules and a person can be tried without a model and without an
account::

    stand_in.py --play works      works on one thing after another, with short rests
    stand_in.py --play asks       asks for permission, and acts on 1, 2, 3, enter, esc
    stand_in.py --play idle       has finished and waits
    stand_in.py --play limited    has hit its usage limit
    stand_in.py --play crashes    works a while, then a traceback and exit status 3
    stand_in.py --play wide       wide, combining and coloured text
    stand_in.py --play retries    its API answers with errors

Text and enter give it something to do, esc or ctrl-c interrupt it, ``/exit`` or
ctrl-c twice end it with exit status 0. ``--seed`` fixes what it says, ``--speed 4``
makes it four times as fast, ``--report`` tells its state to tmux (pane options
``@sactui_state`` and ``@sactui_at``) as the hooks of a real agent can.
"""

import argparse
import codecs
import collections
import os
import random
import re
import select
import signal
import subprocess
import sys
import termios
import time
import tty
import unicodedata

GLYPHS = "·✢✳✶✻✽✻✶✳✢"
VERBS = ("Noodling", "Embellishing", "Percolating", "Untangling", "Sketching", "Simmering", "Whittling")
PAST = ("Brewed", "Cooked", "Baked", "Worked", "Sautéed")
TOPICS = (
    ("the parser", "src/parser.py", "test_parser"),
    ("the data loader", "src/loader.py", "test_loader"),
    ("checkpoints", "train/checkpoint.py", "test_checkpoint"),
    ("the retry logic", "client/retry.py", "test_retry"),
    ("the learning rate schedule", "train/schedule.py", "test_schedule"),
)
DIM, BOLD, RED, GREEN, CYAN, PINK = "2", "1", "31", "32", "36", "38;5;174"
ESCAPE = re.compile("\033\\[[0-9;:]*m")
DOUBLE_PRESS = 1.0  # seconds in which a second ctrl-c ends the program

# What a play can wait for. Its generator yields one of these and gets the answer back.
Spin = collections.namedtuple("Spin", "verb seconds")
Rest = collections.namedtuple("Rest", "seconds state")
Ask = collections.namedtuple("Ask", "title detail question options footer")
Retry = collections.namedtuple("Retry", "seconds attempt")


class Interrupted(Exception):
    """The person pressed esc or ctrl-c while something was under way."""


class Ended(Exception):
    """The program ends with this exit status."""

    def __init__(self, status):
        Exception.__init__(self, status)
        self.status = status


def width(text):
    """Terminal cells of a text without control characters."""
    cells = 0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn", "Me"):
            continue
        cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells


def cut(text, columns):
    """The part of a text that fits into so many cells."""
    out, cells = [], 0
    for character in text:
        cells += width(character)
        if cells > columns:
            break
        out.append(character)
    return "".join(out)


def wrap(text, columns):
    """A line broken at spaces, continued under its own indentation."""
    if width(text) <= columns:
        return [text]
    indent = " " * min(len(text) - len(text.lstrip()), columns // 2)
    lines, line = [], ""
    for word in text.split():
        candidate = line + " " + word if line.strip() else indent + word
        if width(candidate) > columns and line.strip():
            lines.append(line)
            candidate = indent + word
        line = candidate
    lines.append(line)
    return [cut(each, columns) for each in lines]


def clock_text(seconds):
    seconds = int(seconds)
    return f"{seconds // 60}m {seconds % 60:02d}s" if seconds >= 60 else f"{seconds}s"


class Screen:
    """A terminal's main screen: a transcript that scrolls, and below it a frame that is redrawn in place."""

    def __init__(self):
        self.transcript = collections.deque(maxlen=400)
        self.unprinted = []
        self.frame_rows = 0
        self.shown = None
        self.size = (80, 24)
        self.measure()

    def measure(self):
        try:
            size = os.get_terminal_size(1)
            self.size = (max(size.columns, 10), max(size.lines, 4))
        except OSError:
            self.size = (80, 24)

    def say(self, text, style=""):
        self.transcript.append((text, style))
        self.unprinted.append((text, style))

    def lines(self, said):
        text, style = said
        rows = [text] if ESCAPE.search(text) else wrap(text, self.size[0])
        return [f"\033[{style}m{row}\033[0m" if style and row else row for row in rows]

    def resized(self):
        # What the terminal made of the old frame is not known: start from a clean screen.
        self.measure()
        self.write("\033[2J\033[H")
        self.frame_rows, self.shown = 0, None
        rows, recent = 0, []
        for said in reversed(self.transcript):
            rows += len(self.lines(said))
            if rows > self.size[1]:
                break
            recent.append(said)
        self.unprinted = recent[::-1]

    def draw(self, frame, cursor):
        """Show the frame: (text, style) rows; cursor is (rows from its end, column)."""
        frame = frame[-(self.size[1] - 1) :]
        if not self.unprinted and self.shown == (frame, cursor):
            return
        out = ["\033[?25l"]
        if self.frame_rows:
            out.append(f"\033[{self.parked}B" if self.parked else "")
            out.append("\r" + (f"\033[{self.frame_rows - 1}A" if self.frame_rows > 1 else "") + "\033[J")
        for said in self.unprinted:
            out.extend(line + "\r\n" for line in self.lines(said))
        styled = [f"\033[{style}m{text}\033[0m" if style else text for text, style in frame]
        out.append("\r\n".join(styled))
        up, column = cursor
        out.append((f"\033[{up}A" if up else "") + "\r" + (f"\033[{column}C" if column else ""))
        out.append("\033[?25h")
        self.write("".join(out))
        self.unprinted, self.frame_rows, self.parked = [], len(frame), up
        self.shown = (frame, cursor)

    def finish(self):
        """Leave the cursor below everything."""
        down = f"\033[{self.parked}B" if self.frame_rows and self.parked else ""
        self.write(down + "\033[?2004l\033[?25h\r\n")
        for said in self.unprinted:
            self.write("".join(line + "\r\n" for line in self.lines(said)))

    parked = 0

    @staticmethod
    def write(text):
        data = text.encode("utf-8")
        while data:
            data = data[os.write(1, data) :]


class Agent:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.screen = Screen()
        self.play = None
        self.doing = None  # what the play waits for
        self.began = 0.0
        self.chosen = 0
        self.typed = ""
        self.queue = []
        self.last_interrupt = None
        self.reported = None
        self.tokens = 0.0
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.pending_keys = ""

    # -- what it does ---------------------------------------------------------------

    def say(self, text="", style=""):
        self.screen.say(text, style)

    def turn(self, text):
        """Something a person asked for."""
        self.say("❯ " + text, BOLD)
        self.say()
        yield Spin(self.random.choice(VERBS), self.random.uniform(2, 4))
        word = (text.split() or ["."])[0]
        matches, files = self.random.randint(3, 40), self.random.randint(1, 3)
        self.say(f"⏺ Bash(git grep -n -- {word})")
        self.say(f"  ⎿  {matches} matches in {files} files", DIM)
        self.say()
        yield Spin(self.random.choice(VERBS), self.random.uniform(3, 6))
        self.say(f"⏺ Done: {text}. The tests pass.")
        self.say()
        self.done(self.random.randint(5, 12))

    def done(self, seconds):
        self.say(f"✻ {self.random.choice(PAST)} for {clock_text(seconds)}", DIM)
        self.say()

    def rest(self, seconds=None, state="idle"):
        """Wait for that long, or for ever, and do what a person asks for meanwhile."""
        text = yield Rest(seconds, state)
        while text:
            yield from self.turn(text)
            text = yield Rest(seconds, state)

    def piece(self):
        """One piece of self-chosen work; returns its seconds."""
        subject, path, test = self.random.choice(TOPICS)
        verb, passed = self.random.choice(VERBS), self.random.randint(8, 90)
        first, second = self.random.uniform(3, 6), self.random.uniform(4, 8)
        self.say(f"⏺ Let me look at {subject}.")
        self.say()
        yield Spin(verb, first)
        self.say(f"⏺ Read({path})")
        self.say(f"  ⎿  Read {self.random.randint(60, 400)} lines", DIM)
        self.say()
        yield Spin(verb, second)
        self.say(f"⏺ Update({path})")
        self.say(f"  ⎿  Updated {path} with 2 additions and 1 removal", DIM)
        number = self.random.randint(20, 90)
        self.say(f"       {number} -     return rows", RED)
        self.say(f"       {number} +     if not rows:", GREEN)
        self.say(f"       {number + 1} +         raise EmptyInput(path)", GREEN)
        self.say()
        yield Spin(verb, second)
        self.say(f"⏺ Bash(pytest -q -k {test})")
        self.say(f"  ⎿  {passed} passed in {self.random.uniform(0.4, 9):.1f}s", DIM)
        self.say()
        return first + 2 * second

    def works(self):
        while True:
            seconds = yield from self.piece()
            seconds += yield from self.piece()
            self.say("⏺ All tests pass now.")
            self.say()
            self.done(seconds)
            yield from self.rest(self.random.uniform(3, 6))

    def asks(self):
        wants = ("rm -rf build/", "pip install -e .", "git push origin fix-loader", "scancel 4711")
        while True:
            yield Spin(self.random.choice(VERBS), self.random.uniform(2, 3))
            command = self.random.choice(wants)
            answer = yield Ask(
                "Bash command",
                command,
                "Do you want to proceed?",
                (
                    "Yes",
                    f"Yes, and don't ask again for {command.split()[0]} commands in this folder",
                    "No, and tell Claude what to do differently (esc)",
                ),
                "Esc to cancel · Tab to amend · ctrl+e to explain",
            )
            if answer in (1, 2):
                self.say(f"⏺ Bash({command})")
                self.say("  ⎿  (No output)", DIM)
                self.say()
                seconds = yield from self.piece()
                self.done(seconds)
                yield from self.rest(4)
            else:
                self.say(f"⏺ Bash({command})")
                self.say("  ⎿  Interrupted · What should Claude do instead?", RED)
                self.say()
                text = yield Rest(None, "idle")
                yield from self.turn(text or "")

    def idle(self):
        seconds = self.random.randint(70, 120)
        self.say("❯ write the API pages", BOLD)
        self.say()
        self.say("⏺ Bash(make -C docs html)")
        self.say("  ⎿  build succeeded.", DIM)
        self.say()
        self.say("⏺ The API pages are written and the documentation builds without warnings.")
        self.say()
        self.done(seconds)
        yield from self.rest()

    def limited(self):
        resets = time.time() + 46 * 60 / self.options.speed
        self.say("⏺ Bash(pytest -q)")
        self.say("  ⎿  12 passed in 1.2s", DIM)
        self.say()
        while time.time() < resets:
            at = time.gmtime(resets)
            hour = f"{at.tm_hour % 12 or 12}:{at.tm_min:02d}" + ("am" if at.tm_hour < 12 else "pm")
            self.say(f"  ⎿  You've hit your session limit · resets {hour} (UTC)", RED)
            self.say("     /usage-credits to finish what you're working on.", DIM)
            self.say()
            text = yield Rest(max(resets - time.time(), 0) * self.options.speed, "limited")
            if text:
                self.say("❯ " + text, BOLD)
                self.say()
        yield from self.works()

    def crashes(self):
        seconds = yield from self.piece()
        self.done(seconds)
        self.say("❯ now the benchmark", BOLD)
        self.say()
        yield Spin(self.random.choice(VERBS), 4)
        for line in (
            "Traceback (most recent call last):",
            '  File "/opt/agent/main.py", line 212, in <module>',
            "    run(session)",
            '  File "/opt/agent/loop.py", line 88, in run',
            "    session.transcript.append(reply.content)",
            "AttributeError: 'NoneType' object has no attribute 'content'",
        ):
            self.say(line)
        raise Ended(3)

    def wide(self):
        rainbow = "".join(f"\033[48;5;{colour}m  " for colour in range(17, 52, 2)) + "\033[0m"
        gradient = "".join(f"\033[38;2;{255 - i * 6};{90 + i * 4};{60 + i * 5}m█" for i in range(36))
        while True:
            self.say("⏺ 设定文件已经更新，测试全部通过。")
            self.say("⏺ 日本語の文章とｶﾀｶﾅ、한국어 문장도 섞여 있습니다.")
            self.say("⏺ Emoji: 🚀 👩‍💻 👍🏽 🇯🇵 ❤️ ☕  combining: e\u0301 a\u0308 o\u0302\u0323 n\u0303")
            self.say("⏺ Box: ┌─┬─┐ │ │ │ └─┴─┘  braille ⠋⠙⠹⠸  arrows ← ↑ → ↓")
            self.say("  ⎿  " + rainbow)
            self.say("  ⎿  " + gradient + "\033[0m")
            styles = ((1, "bold"), (3, "italic"), (4, "underlined"), (7, "reversed"), (9, "struck"))
            self.say("  ⎿  " + " ".join(f"\033[{code}m{word}\033[0m" for code, word in styles))
            self.say()
            yield Spin("翻訳しています", self.random.uniform(5, 9))
            self.done(8)
            yield from self.rest(self.random.uniform(3, 6))

    def retries(self):
        while True:
            yield Spin(self.random.choice(VERBS), self.random.uniform(3, 5))
            for attempt in range(1, self.random.randint(5, 9)):
                yield Retry(min(2.0**attempt, 30), attempt)
            self.say("⏺ The API answers again; carrying on.")
            self.say()

    # -- driving the play -------------------------------------------------------------

    def perform(self):
        while True:
            try:
                yield from getattr(self, self.options.play)()
                return
            except Interrupted:
                self.say("  ⎿  Interrupted · What should Claude do instead?", RED)
                self.say()
            try:
                text = yield Rest(None, "idle")
                yield from self.turn(text or "")
            except Interrupted:
                self.say("  ⎿  Interrupted · What should Claude do instead?", RED)
                self.say()

    def now(self):
        return time.monotonic() * self.options.speed

    def advance(self, answer=None, error=None):
        try:
            self.doing = self.play.throw(error) if error else self.play.send(answer)
        except StopIteration:
            raise Ended(0) from None
        self.began, self.chosen = self.now(), 0
        if isinstance(self.doing, Rest) and self.queue:
            self.advance(self.queue.pop(0))

    def just_interrupted(self):
        last = self.last_interrupt
        return last is not None and self.now() - last < DOUBLE_PRESS * self.options.speed

    def state(self):
        if isinstance(self.doing, Ask):
            return "asking"
        if isinstance(self.doing, Retry):
            return "retrying"
        return self.doing.state if isinstance(self.doing, Rest) else "working"

    def report(self):
        state, pane = self.state(), os.environ.get("TMUX_PANE")
        if not self.options.report or not pane or state == self.reported:
            return
        self.reported = state
        command = ["tmux", "set-option", "-p", "-t", pane, "@sactui_state", state, ";"]
        command += ["set-option", "-p", "-t", pane, "@sactui_at", str(int(time.time()))]
        try:
            with open(os.devnull, "r+b") as null:
                subprocess.call(command, stdin=null, stdout=null, stderr=null, timeout=5)
        except (OSError, subprocess.SubprocessError):
            pass  # a report is a courtesy: the work goes on without it

    # -- what it shows ----------------------------------------------------------------

    def frame(self):
        columns = self.screen.size[0]
        rule = ("─" * columns, DIM)
        if isinstance(self.doing, Ask):
            rows = [rule, (" " + self.doing.title, BOLD), ("", "")]
            rows += [(row, "") for row in wrap("   " + self.doing.detail, columns)] + [("", "")]
            rows += [(row, "") for row in wrap(" " + self.doing.question, columns)]
            for number, option in enumerate(self.doing.options):
                mark = "❯" if number == self.chosen else " "
                text = f" {mark} {number + 1}. {option}"
                rows += [(row, CYAN if mark != " " else "") for row in wrap(text, columns)]
            rows += [("", "")] + [(row, DIM) for row in wrap(" " + self.doing.footer, columns)]
            return rows, (0, 0)
        rows = []
        elapsed = self.now() - self.began
        footer = "  ? for shortcuts"
        if isinstance(self.doing, Spin):
            glyph = GLYPHS[int(elapsed * 4 / self.options.speed) % len(GLYPHS)]
            text = f"{glyph} {self.doing.verb}…"
            if elapsed >= 1:  # a real one shows no timer in its first second either
                tokens = 0.1 * int(elapsed * 1.7)
                text += f" ({clock_text(elapsed)} · ↓ {tokens:.1f}k tokens · esc to interrupt)"
            rows += [(row, PINK) for row in wrap(text, columns)] + [("", "")]
            footer = "  ⏵⏵ accept edits on · esc to interrupt"
        elif isinstance(self.doing, Retry):
            left = max(int(self.doing.seconds - elapsed) + 1, 1)
            text = "  ⎿  API Error (529 overloaded) · Retrying in %d seconds… (attempt %d/10)"
            rows += [(row, RED) for row in wrap(text % (left, self.doing.attempt), columns)] + [("", "")]
            footer = "  ⏵⏵ accept edits on"
        if self.typed:
            footer = "  ⏵⏵ accept edits on"  # the hints vanish while somebody types
        if self.just_interrupted():
            footer = "  Press Ctrl-C again to exit"
        typed = self.typed
        while width(typed) > columns - 3:
            typed = typed[1:]
        rows += [rule, ("❯ " + typed, ""), rule, (cut(footer, columns), DIM)]
        return rows, (2, min(2 + width(typed), columns - 1))

    # -- keys -------------------------------------------------------------------------

    KEY = re.compile("\033\\[200~(?P<paste>.*?)\033\\[201~|\033\\[[0-9;?]*[ -/]*[@-~]|\033O.|\033|.", re.S)

    def keys(self, data):
        text = self.pending_keys + self.decoder.decode(data)
        self.pending_keys = ""
        opened = text.rfind("\033[200~")
        if opened >= 0 and "\033[201~" not in text[opened:]:
            text, self.pending_keys = text[:opened], text[opened:]
        for match in self.KEY.finditer(text):
            paste = match.group("paste")
            if paste is not None:
                self.typed += "".join(c if c.isprintable() else " " for c in paste)
            else:
                self.key(match.group())

    def key(self, key):
        if isinstance(self.doing, Ask):
            options = len(self.doing.options)
            if key in ("\033[A", "\033OA"):
                self.chosen = (self.chosen - 1) % options
            elif key in ("\033[B", "\033OB"):
                self.chosen = (self.chosen + 1) % options
            elif key in "\r\n":
                self.advance(self.chosen + 1)
            elif key in ("\033", "\003"):
                self.advance(options)
            elif key.isdigit() and 1 <= int(key) <= options:
                self.advance(int(key))
        elif key == "\003":
            again = self.just_interrupted()
            self.last_interrupt = self.now()
            if isinstance(self.doing, (Spin, Retry)):
                self.last_interrupt = None
                self.advance(error=Interrupted())
            elif again:
                raise Ended(0)
            self.typed = ""
        elif key == "\033":
            if isinstance(self.doing, (Spin, Retry)):
                self.advance(error=Interrupted())
        elif key in "\r\n":
            text, self.typed = self.typed.strip(), ""
            if text == "/exit":
                raise Ended(0)
            if text and isinstance(self.doing, Rest):
                self.advance(text)
            elif text:
                self.queue.append(text)
        elif key in ("\177", "\b"):
            self.typed = self.typed[:-1]
        elif key == "\025":
            self.typed = ""
        elif key.isprintable():
            self.typed += key

    # -- the loop ---------------------------------------------------------------------

    def timeout(self):
        """Seconds of real time until the next thing happens by itself; None: only a key changes anything."""
        waits = []
        elapsed = self.now() - self.began
        if getattr(self.doing, "seconds", None) is not None:
            waits.append((self.doing.seconds - elapsed) / self.options.speed)
        if isinstance(self.doing, (Spin, Retry)):
            waits.append(0.25)
        if self.last_interrupt is not None:
            waits.append(DOUBLE_PRESS - (self.now() - self.last_interrupt) / self.options.speed)
        return max(min(waits), 0.0) if waits else None

    def run(self, wake):
        box = ("╭─── Stand-in agent ───╮", "│ no model, no account │", "╰──────────────────────╯")
        for line in box if self.screen.size[0] > width(box[0]) else ("Stand-in agent",):
            self.say(line, PINK)
        self.say()
        self.screen.write("\033[?2004h")
        self.play = self.perform()
        self.advance()
        while True:
            self.report()
            self.screen.draw(*self.frame())
            ready, _, _ = select.select([0, wake], [], [], self.timeout())
            if wake in ready:
                signals = os.read(wake, 512)
                if signal.SIGHUP in signals or signal.SIGTERM in signals:
                    raise Ended(0)
                self.screen.resized()
            if 0 in ready:
                data = os.read(0, 4096)
                if not data:
                    raise Ended(0)
                self.keys(data)
            if not self.just_interrupted():
                self.last_interrupt = None
            seconds = getattr(self.doing, "seconds", None)
            if seconds is not None and self.now() - self.began >= seconds:
                self.advance()


PLAYS = ("works", "asks", "idle", "limited", "crashes", "wide", "retries")


def options_of(arguments):
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--play", choices=PLAYS, default="works")
    parser.add_argument("--seed", type=int, default=0, help="the same seed says the same things")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times as fast (default 1)")
    parser.add_argument("--report", action="store_true", help="tell tmux its state (pane option)")
    # Flags meant for a real agent (--model and so on) do no harm.
    options, _ = parser.parse_known_args(arguments)
    if options.speed <= 0:
        parser.error("--speed must be above 0")
    return options


def main():
    agent = Agent(options_of(sys.argv[1:]))
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    for number in (signal.SIGWINCH, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    saved = termios.tcgetattr(0) if os.isatty(0) else None
    status = 0
    try:
        if saved is not None:
            tty.setraw(0)
        agent.run(wake)
    except Ended as end:
        status = end.status
    except OSError:
        return 1  # the terminal is gone: nobody is left to show anything to
    try:
        if status == 0:
            agent.screen.unprinted = []
        agent.screen.finish()
        if saved is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
    except (OSError, termios.error):
        pass  # the terminal went away first
    return status


if __name__ == "__main__":
    sys.exit(main())
