"""Connectivity checks (RFC 8445 §7.3): who may check, which addresses have shown that they know the password.

Only here, and so only after authentication, does an address come to lead to a leg. Cheapest first: a check that names
nobody costs no hash and uses up nobody's allowance, so that junk, also in a peer's name, cannot crowd out real ones.
"""

from dataclasses import dataclass, field

from sfu import stun
from sfu.bridge import Bridge
from sfu.bucket import AddressBuckets, Bucket
from sfu.drops import DropReason
from sfu.io.loop import PacketLoop, Route
from sfu.io.paths import Path
from sfu.leg import Leg
from sfu.offer import Credentials

# A browser checks a few candidate pairs; more addresses than this for one leg are somebody else's doing.
_MAX_ADDRESSES = 8
# Checks that an address, or a leg by the addresses it has, may make us authenticate: a browser that connects sends
# some 20.
_CHECK_RATE, _CHECK_BURST = 50, 100


@dataclass(slots=True, eq=False)
class Agent:
    """One leg's side of ICE. `old_ufrag` is valid until its successor has been used."""

    leg: Leg
    bridge: Bridge
    allowed: Bucket
    addresses: dict[bytes, str] = field(default_factory=dict)
    old_ufrag: str = ""


class Connectivity:
    """See the module's text. `loop` is where the routes live."""

    def __init__(self) -> None:
        self._users: dict[str, tuple[Agent, Credentials, stun.Password]] = {}
        self._agents: dict[Leg, Agent] = {}
        self._strangers = AddressBuckets(_CHECK_RATE, _CHECK_BURST)
        self.loop: PacketLoop

    def join(self, leg: Leg, bridge: Bridge, now: float) -> None:
        """Expect checks with the leg's credentials."""
        agent = self._agents[leg] = Agent(leg, bridge, Bucket(_CHECK_RATE, _CHECK_BURST, now))
        self._expect(agent, leg.credentials)

    def restart(self, leg: Leg, credentials: Credentials) -> None:
        """Expect the new credentials too; those in use hold until the new ones have been used."""
        agent = self._agents[leg]
        if agent.old_ufrag:
            # An offer that nobody has taken up yet: its credentials go, not those that the browser lives on.
            self._users.pop(leg.credentials.ufrag)
        else:
            agent.old_ufrag = leg.credentials.ufrag
        leg.credentials = credentials
        self._expect(agent, credentials)

    def _expect(self, agent: Agent, credentials: Credentials) -> None:
        self._users[credentials.ufrag] = (agent, credentials, stun.Password(credentials.password))

    def leave(self, leg: Leg) -> list[Path]:
        """Forget a leg. Returns the paths that led to it, still open."""
        agent = self._agents.pop(leg)
        for ufrag in (leg.credentials.ufrag, agent.old_ufrag):
            self._users.pop(ufrag, None)
        paths = [self._unroute(agent, address) for address in list(agent.addresses)]
        return [path for path in paths if path is not None]

    def forget_strangers(self) -> None:
        """Let the allowances of unauthenticated addresses start over."""
        self._strangers.forget()

    def check(self, datagram: bytes, path: Path, now: float) -> DropReason | None:
        """Answer an authenticated binding request and learn its address; meet anything else with silence."""
        try:
            request = stun.read_request(datagram)
        except stun.BadStun:
            return DropReason.STUN_MALFORMED
        user = self._users.get(request.local)
        if user is None:
            return DropReason.STUN_UNKNOWN_USER
        agent, credentials, password = user
        if not self._may_check(agent, path.address, now):
            return DropReason.TOO_FAST
        if not stun.is_authentic(request, password):
            return DropReason.STUN_INTEGRITY
        path.send(stun.success(request, path.readable(), password))
        path.keep()
        leg = agent.leg
        moved = request.nominates and leg.path is not None and leg.path.address != path.address
        if leg.path is None:
            # Before the packet loop hears of the leg at all, so that it need not be told twice.
            leg.path = path
        self._learn(agent, path, credentials.ufrag)
        if moved:
            leg.path = path
            self.loop.update(leg)
        if request.nominates and credentials is leg.credentials and agent.old_ufrag:
            self._retire_old(agent)
        agent.bridge.bound(leg, now)
        return None

    def _may_check(self, agent: Agent, address: bytes, now: float) -> bool:
        if address in agent.addresses:
            return agent.allowed.take(1, now)
        return self._strangers.take(address, now)

    def _learn(self, agent: Agent, path: Path, ufrag: str) -> None:
        known = self.loop.routes.get(path.address)
        if known is not None and known.leg is not agent.leg:
            owner = self._agents.get(known.leg)
            if owner is not None:
                owner.addresses.pop(path.address, None)
        if known is None or known.leg is not agent.leg:
            while len(agent.addresses) >= _MAX_ADDRESSES:
                oldest = next(address for address in agent.addresses if address != agent.leg.path.address)
                self._forget(agent, oldest)
            self.loop.add_route(path.address, Route(agent.leg, agent.bridge, path))
        agent.addresses[path.address] = ufrag

    def _retire_old(self, agent: Agent) -> None:
        current = agent.leg.credentials.ufrag
        for address, ufrag in list(agent.addresses.items()):
            if ufrag != current:
                self._forget(agent, address)
        self._users.pop(agent.old_ufrag, None)
        agent.old_ufrag = ""

    def _forget(self, agent: Agent, address: bytes) -> None:
        path = self._unroute(agent, address)
        if path is not None:
            path.close()

    def _unroute(self, agent: Agent, address: bytes) -> Path | None:
        """Let the address lead nowhere. Returns its path, unless another leg has taken the address over."""
        del agent.addresses[address]
        route = self.loop.routes.get(address)
        if route is None or route.leg is not agent.leg:
            return None
        self.loop.remove_route(address)
        return route.path
