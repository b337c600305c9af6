"""What every part of the reception works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agenda.consultation import JoinWindow
from agenda.io.service import Agenda
from lobby.io.service import Lobby
from sfu.engine import MediaEngine
from signalling.io.background import Background
from signalling.io.presence import Presence
from signalling.io.sessions import Sessions
from signalling.metering import Meters
from signalling.revocations import Revocations
from store.io.database import Database
from store.io.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Services:
    """One reception's parts. `window`: when one may come in. `clock` says the time, aware."""

    database: Database
    outbox: Outbox
    agenda: Agenda
    lobby: Lobby
    engine: MediaEngine
    meters: Meters
    presence: Presence
    sessions: Sessions
    background: Background
    window: JoinWindow
    clock: Callable[[], datetime]
    revocations: Revocations
