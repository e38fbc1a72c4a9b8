"""What a site asks of the programs of its users."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """The wishes of ``/etc/sactui/site.yaml`` on the login node; the defaults are "none".

    ``min_interval`` is in seconds, ``max_channels`` counts open steps per connection.
    ``mistakes`` are keys of the file that could not be understood, in words.
    """

    min_interval: float = 0.0
    all_users: bool = True
    persistent: bool = True
    max_channels: int | None = None
    message: str = ""
    mistakes: tuple[str, ...] = ()
