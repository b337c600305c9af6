"""The house: what everybody at the reception works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agenda.consultation import JoinWindow
from agenda.io.service import Agenda
from lobby.io.service import Lobby
from sfu.engine import MediaEngine
from signalling.io.attendance import Attendance
from signalling.io.chores import Chores
from signalling.io.session_book import SessionBook
from store.io.database import Database
from store.io.outbox import Outbox


@dataclass(frozen=True, slots=True)
class House:
    """One reception's parts. `window`: when one may come in. `clock` says the time, aware."""

    database: Database
    outbox: Outbox
    agenda: Agenda
    lobby: Lobby
    engine: MediaEngine
    attendance: Attendance
    sessions: SessionBook
    chores: Chores
    window: JoinWindow
    clock: Callable[[], datetime]
