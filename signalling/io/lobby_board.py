"""The board: the list of those who wait, shown to the practitioner, and the practitioner's state, shown to them."""

import asyncio
from datetime import datetime, timedelta

from lobby.admission import Admission
from lobby.waiting_list import waiting_list
from signalling.io.background import report
from signalling.io.participant import Participant
from signalling.io.room import Room
from signalling.io.services import Services
from signalling.join_window import ticket_expires_at
from signalling.protocol import Devices, Lobby, LobbyEntry, Waiting
from signalling.session import KEPT_FOR
from store.ids import AdmissionId, PractitionerId, Seat

# A reload of the practitioner's page is no absence.
BETWEEN_PAGES = timedelta(seconds=10)
# The longest consultation and both ends of the join window lie well within a day.
AROUND_NOW = timedelta(days=1)
# More than anybody looks through; the frame stays small whatever comes.
LONGEST_LIST = 100


def ticket(services: Services, room: Room, admission: AdmissionId) -> str:
    """Return the ticket to that place in the room."""
    return services.lobby.ticket(admission, ticket_expires_at(room.consultation, services.window))


class LobbyBoard:
    """Changes are gathered: however many there are, a practitioner is sent the newest list."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._changed: set[PractitionerId] = set()
        self._wake = asyncio.Event()

    def changed(self, practitioner: PractitionerId) -> None:
        """Something that the practitioner or their patients are shown has changed."""
        self._changed.add(practitioner)
        self._wake.set()

    async def keep(self) -> None:
        """Show what has changed, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._changed:
                practitioner = self._changed.pop()
                self.show_host(practitioner)
                try:
                    await self._show_list(practitioner)
                except Exception as error:  # noqa: BLE001  # the next change shows the list again
                    report("list not shown", error)

    async def list_for(self, practitioner: PractitionerId) -> Lobby:
        """Return who waits for the practitioner, the longest first; the first `LONGEST_LIST` of them."""
        at = self._services.clock()
        since, until = at - self._services.window.after - AROUND_NOW, at + self._services.window.before + AROUND_NOW
        consultations = await self._services.agenda.consultations_of(practitioner, since, until)
        admissions = await self._services.lobby.waiting([consultation.id for consultation in consultations])
        rooms = self._services.presence.rooms_of(practitioner)
        pages = {admission: page for room in rooms for admission, page in room.waiting.items()}
        here = set(pages)
        waiting = [admission for admission in admissions if not await self._orphaned(admission, here, at)]
        connected = {admission for admission, page in pages.items() if page.attached}
        seated = {room.consultation.id for room in rooms if room.place(Seat.PATIENT)}
        entries = [
            LobbyEntry(
                admission=entry.admission,
                version=entry.version,
                consultation=entry.consultation,
                name=entry.name,
                since=entry.since.isoformat(),
                devices=Devices(camera=entry.camera, microphone=entry.microphone),
                connected=entry.connected,
                same_link=entry.same_link,
            )
            for entry in waiting_list(waiting, connected, seated)[:LONGEST_LIST]
        ]
        return Lobby(entries=entries)

    def host_state(self, practitioner: PractitionerId) -> str:
        """Return `in_call` while they talk with somebody, else `present` or `absent`."""
        if self._services.presence.host_in_call(practitioner):
            return "in_call"
        at = self._services.clock()
        here = any(
            page.talk.away_since is None or at - page.talk.away_since < BETWEEN_PAGES
            for page in self._services.presence.pages_of(practitioner)
        )
        return "present" if here else "absent"

    def show_host(self, practitioner: PractitionerId) -> None:
        """Tell the practitioner's waiting patients their state, if it has changed."""
        host = self.host_state(practitioner)
        for room in self._services.presence.rooms_of(practitioner):
            for admission, page in room.waiting.items():
                if page.host_told != host:
                    self._tell_waiting(room, page, admission, host)

    def show_waiting(self, room: Room, page: Participant, admission: AdmissionId) -> None:
        """Tell one who waits that they do."""
        self._tell_waiting(room, page, admission, self.host_state(room.consultation.practitioner))

    def show_hosts(self) -> None:
        """Tell all who wait what has changed by time alone."""
        for practitioner in self._services.presence.hosts():
            self.show_host(practitioner)

    async def _show_list(self, practitioner: PractitionerId) -> None:
        if not self._services.presence.pages_of(practitioner):
            return
        entries = await self.list_for(practitioner)
        for page in self._services.presence.pages_of(practitioner):
            page.tell(entries)

    def _tell_waiting(self, room: Room, page: Participant, admission: AdmissionId, host: str) -> None:
        # Made anew each time: kept for thousands, the event would be a good part of what one who waits costs.
        if page.waiting_since is None:
            return
        page.host_told = host
        page.tell(
            Waiting(
                ticket=ticket(self._services, room, admission),
                since=page.waiting_since.isoformat(),
                practitioner=room.host_name,
                starts_at=room.consultation.starts_at.isoformat(),
                host=host,
            )
        )

    async def _orphaned(self, admission: Admission, pages: set[AdmissionId], at: datetime) -> bool:
        """Whether nobody can come back to this place by its page; a crash left it behind."""
        if admission.id in pages or at - admission.waiting_since < KEPT_FOR:
            return False
        await self._services.lobby.leave(admission.id, at)
        return True
