"""For whoever runs the service: alive, ready, measured."""

from aiohttp import web as aioweb

from web.api import Alive, Readiness
from web.io.answers import json
from web.io.parts import SITE


async def healthz(_: aioweb.Request) -> aioweb.Response:
    """GET /healthz: this process answers. Nothing else is asked, so that a sick database restarts nobody."""
    return json(Alive(alive=True))


async def readyz(request: aioweb.Request) -> aioweb.Response:
    """GET /readyz: 200 when every part is ready, else 503; the parts by name either way."""
    checks = dict(await request.app[SITE].parts.readiness())
    ready = all(checks.values())
    return json(Readiness(ready=ready, checks=checks), status=200 if ready else 503)


async def metrics(request: aioweb.Request) -> aioweb.Response:
    """GET /metrics in Prometheus' text format."""
    body = request.app[SITE].measures.exposition()
    return aioweb.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
