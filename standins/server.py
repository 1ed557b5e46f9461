"""The HTTP server of the stand-ins, on the loopback: each vendor's API below /NAME, control and record below /_standin.

GET  /_standin                    what happened at each vendor
GET  /_standin/{vendor}           its behaviour, requests as they were validated (without secrets), conversations
POST /_standin/{vendor}/behave    {"behaviour": "429", "seconds": 2, "times": 1}; see `behaviour.Behaviour`
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import ValidationError

from standins.behaviour import Behaviour
from standins.bey import BeyondPresence
from standins.bithuman import BitHuman
from standins.tavus import Tavus
from standins.vendor import BEHAVIOUR, RECORD, Record, Refusal, Vendor

HOST: Final = "127.0.0.1"
LARGEST_REQUEST_BYTES: Final = 32 * 1024 * 1024
VENDORS: Final[dict[str, type[Vendor]]] = {vendor.name: vendor for vendor in (BitHuman, Tavus, BeyondPresence)}


class StandIns:
    """All vendors; `keys` are what each takes as its API key. Behaviours that are not given are normal."""

    def __init__(self, keys: Mapping[str, str], behaviours: Mapping[str, Behaviour] | None = None) -> None:
        given = behaviours or {}
        self.vendors = {name: kind(keys[name], given.get(name, Behaviour())) for name, kind in VENDORS.items()}
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> int:
        """Listens on the loopback; returns the port (another than 0). Raises OSError for one that is taken."""
        app = web.Application()
        for name, vendor in self.vendors.items():
            own = web.Application(client_max_size=LARGEST_REQUEST_BYTES, middlewares=[_vendors_way(vendor)])
            own.add_routes(vendor.routes())
            app.add_subapp(f"/{name}", own)
        app.add_routes(
            [
                web.get("/_standin", self._all),
                web.get("/_standin/{vendor}", self._one),
                web.post("/_standin/{vendor}/behave", self._behave),
            ]
        )
        # a client that gives up ends its handler: one that is silent would stay for ever
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def aclose(self) -> None:
        """Every avatar leaves its room."""
        await asyncio.gather(*(vendor.aclose() for vendor in self.vendors.values()))
        if self._runner is not None:
            await self._runner.cleanup()

    async def _all(self, request: web.Request) -> web.Response:
        return web.json_response({name: vendor.seen() for name, vendor in self.vendors.items()})

    async def _one(self, request: web.Request) -> web.Response:
        return web.json_response(self._vendor(request).seen())

    async def _behave(self, request: web.Request) -> web.Response:
        vendor = self._vendor(request)
        try:
            vendor.behave(Behaviour.model_validate_json(await request.read()))
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False)
            return web.json_response({"detail": details}, status=422)
        return web.json_response(vendor.seen()["behaviour"])

    def _vendor(self, request: web.Request) -> Vendor:
        vendor = self.vendors.get(request.match_info["vendor"])
        if vendor is None:
            raise web.HTTPNotFound(text=f"There are stand-ins for {', '.join(self.vendors)}.")
        return vendor


def _vendors_way(vendor: Vendor) -> Middleware:
    """Records the request, has it meet the vendor's behaviour, and says no in the vendor's shape."""

    @web.middleware
    async def meet(request: web.Request, handler: Handler) -> web.StreamResponse:
        record = request[RECORD] = Record(request.method, request.path, request.content_type)
        vendor.records.append(record)
        behaviour = vendor.behaviour
        record.behaviour = behaviour.behaviour
        answer: web.StreamResponse
        try:
            request[BEHAVIOUR] = await vendor.meet(request)
            answer = await handler(request)
        except Refusal as refusal:
            record.error = refusal.message
            answer = vendor.answer(refusal, behaviour)
        except web.HTTPRequestEntityTooLarge:
            record.error = "The request is too large"
            answer = vendor.answer(Refusal(413, record.error, code="FILE_TOO_LARGE"), behaviour)
        except web.HTTPException as error:
            record.error = error.reason
            code = error.reason.upper().replace(" ", "_")
            answer = vendor.answer(Refusal(error.status, error.reason, code=code), behaviour)
        record.status = answer.status
        return answer

    return meet
