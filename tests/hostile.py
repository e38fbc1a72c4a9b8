"""Texts that any user of a cluster can give a job, a comment or an agent, and that must change nothing.

One list for every place that shows such a text: shown exactly (through
:func:`sactui.domain.text.visible`), on one line, without colour, without shifting a column.
Bytes that are no UTF-8 are lone surrogates here, as :func:`sactui.domain.text.decode` gives them.
"""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "bars": "a|b|RUNNING|root|main",
    "newline": "two\nlines",
    "carriage return": "over\rwritten\r\n",
    "tab": "a\tb\t\tc",
    "separators": "1\x1f999\x1fpool\x1froot\x1fRUNNING\x1e\n",
    "record separator": "X\x1e666\x1fFORGED\x1fRUNNING\x1fmain\x1e",
    "forged record": "pool\n4242\n4242|4242|RUNNING|root|0|main|||1|1|0:10|1:00:00|Unknown|pool|",
    "forged keys": "x JobState=FAILED Reason=NonZeroExitCode UserId=root(0) JobId=999 Name=pool",
    "escape": "esc\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07\x1b]52;c;b3duZWQ=\x07",
    "c1 controls": "csi\x9b31mred\x9d0;title\x9c",
    "markup": "[red]x[/red] [bold",
    "closing markup": "[/]",
    "link markup": "[@click=app.quit]press[/] [link=https://example.org]x[/link]",
    "wide": "東京の仕事 漢字テスト 한국어",
    "emoji": "🚀 build 👩‍💻 ✅ 🇩🇪 é e\u0301",
    "bidirectional": "abc\u202egnp.exe\u2066x\u2069",
    "invisible": "zero\u200bwidth\u2060\ufeff",
    "long": "x" * 1000,
    "long and wide": "漢" * 333,
    "not utf-8": "caf\udce9 \udcff\udcfe end",
    "cut utf-8": "half\udce6\udcbc",
    "blanks": " leading and trailing ",
    "shell": "$(touch owned) `id` '\"; -- %j \\n #{pane_id} *",
    "number": "4242",
    "null words": "(null)",
    "mark": "sactui:reservation:x-pool:000000000000:1",
}
