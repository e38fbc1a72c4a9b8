"""The one tree of exceptions.

::

    SactuiError                  has a message, and a remedy when there is one
    ├── DefinitionError          a file a person wrote is wrong (file:line in the message)
    ├── SettingsError            the settings file or the command line is wrong
    ├── LeaseError               a lease or registry file cannot be read or written
    ├── TransportError           bytes did not get to the host or back
    │   ├── ConnectFailed        no connection: name, network, refused, timed out
    │   ├── AuthenticationFailed the host is there, but does not let us in
    │   ├── HostKeyError         the host's key is unknown or has changed
    │   ├── ConnectionLost       the connection broke in the middle
    │   ├── ChannelRefused       the connection is there, but no further channel (MaxSessions)
    │   └── RunTimeout           the remote command did not finish in time
    ├── ProtocolError            an answer that does not have the form it must have
    ├── SlurmError               Slurm answered with an error (layer: controller, node, request)
    ├── TmuxError                tmux answered with an error
    ├── Refused                  sactui will not do it (read-only, wrong identity, no tmux server)
    └── LabError                 the private cluster of this machine cannot be run
"""

from __future__ import annotations


class SactuiError(Exception):
    """Base of everything sactui raises on purpose.

    ``message`` says what happened and to what; ``remedy`` says what to do, or is
    empty when nothing is known to help.
    """

    layer = "sactui"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class DefinitionError(SactuiError):
    """A definition that a person wrote cannot be used; the message starts with file:line."""

    layer = "definition"


class SettingsError(SactuiError):
    """The settings file or a command line option cannot be used."""

    layer = "settings"


class LeaseError(SactuiError):
    """A lease or registry file cannot be read or written."""

    layer = "lease"


class TransportError(SactuiError):
    """Bytes did not get to the host or back."""

    layer = "ssh"


class ConnectFailed(TransportError):
    """No connection to the host: its name, the network, refused, timed out."""


class AuthenticationFailed(TransportError):
    """The host answers but does not let us in."""

    layer = "authentication"


class HostKeyError(TransportError):
    """The host's key is unknown or is not the known one."""

    layer = "authentication"

    def __init__(self, message: str, remedy: str = "", *, fingerprint: str = "", known: bool = False) -> None:
        super().__init__(message, remedy)
        self.fingerprint = fingerprint
        #: True when another key is on file for this host: never offered for acceptance.
        self.known = known


class ConnectionLost(TransportError):
    """The connection broke while something was under way: its outcome is not known."""


class ChannelRefused(TransportError):
    """The server opens no further channel on this connection (sshd's MaxSessions).

    ``open`` is how many of ours it carried then, 0 when that is not known.
    """

    open = 0


class RunTimeout(TransportError):
    """The remote command did not finish in time; whether it took effect is not known."""

    layer = "timeout"


class ProtocolError(SactuiError):
    """An answer does not have the form it must have; nothing was taken from it."""

    layer = "parse"


class SlurmError(SactuiError):
    """Slurm answered with an error.

    ``layer`` is ``controller`` (it does not answer), ``node`` (a step cannot run) or
    ``request`` (it answered: no). ``text`` is Slurm's own text. ``kind`` is a stable word
    for the case. ``definitive`` says that the controller itself answered, so that the
    sentence is true of the job; otherwise nothing about the job may be concluded.
    """

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        layer: str = "request",
        text: str = "",
        kind: str = "",
        definitive: bool = False,
    ) -> None:
        super().__init__(message, remedy)
        self.layer = layer
        self.text = text
        self.kind = kind
        self.definitive = definitive


class TmuxError(SactuiError):
    """tmux answered with an error."""

    layer = "tmux"


class Refused(SactuiError):
    """sactui will not do it, and says why."""

    layer = "refused"


class LabError(SactuiError):
    """The private cluster of this machine cannot be run."""

    layer = "lab"
