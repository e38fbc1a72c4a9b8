"""What a table tells its screen. Handlers are called ``on_live_table_<message>``."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from .row_table import RowTable


class _TableMessage(Message, namespace="live_table"):
    def __init__(self, table: RowTable) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> RowTable:
        return self.table


class _NewestCounts(_TableMessage, namespace="live_table"):
    """Of several that wait, only the newest is delivered."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, type(self)) and message.table is self.table


class Selected(_NewestCounts, namespace="live_table"):
    """The cursor is on another row; ``key`` is None when there is no row."""

    def __init__(self, table: RowTable, key: Hashable | None) -> None:
        super().__init__(table)
        self.key = key


class Activated(_TableMessage, namespace="live_table"):
    """Enter or a double click on a row."""

    def __init__(self, table: RowTable, key: Hashable) -> None:
        super().__init__(table)
        self.key = key


class Marked(_NewestCounts, namespace="live_table"):
    """The set of marked rows changed."""


class Shaped(_NewestCounts, namespace="live_table"):
    """Filter, order or columns are others now."""
