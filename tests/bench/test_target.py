"""The server under test, as the bench uses it."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bench.io.target import Planned, Target, TargetProblem

PLANNED = Planned("con_1", "invitation", "http://server.example/join#invitation")


class Busy:
    """A server that turns so many log-ins away before it takes one."""

    def __init__(self) -> None:
        self.refuses = 0
        self.asked = 0

    async def entry(self, request: web.Request) -> web.Response:
        return web.json_response({"url": f"{request.url.origin()}/open#token"}, status=201)

    async def open(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self.asked <= self.refuses:
            return web.Response(status=429, headers={"Retry-After": "0"})
        response = web.Response()
        response.set_cookie("session", "secret")
        return response


@pytest.fixture
async def busy() -> AsyncIterator[tuple[Busy, Target]]:
    busy, app = Busy(), web.Application()
    app.add_routes([web.post("/api/consultations/con_1/entry", busy.entry), web.post("/open", busy.open)])
    async with TestServer(app) as server, Target.at(str(server.make_url("")), "key") as target:
        yield busy, target


async def test_many_log_ins_from_one_address_wait_as_the_server_asks(busy):
    server, target = busy
    server.refuses = 2
    assert await target.entry(PLANNED) == "session=secret"
    assert server.asked == 3
    assert await target.entry(PLANNED) == "session=secret"
    assert server.asked == 3


async def test_a_server_that_never_takes_a_log_in_is_given_up(busy):
    server, target = busy
    server.refuses = 1000
    with pytest.raises(TargetProblem, match="429"):
        await target.entry(PLANNED)
    assert server.asked == 21
