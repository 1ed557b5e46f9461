"""REST: profiles, modes, sessions, links, joining."""

from ninja import Router

from sessions.api import catalogue, joining, knowledge, links, live, scene

router = Router()
for part in (catalogue, knowledge, scene, live, links, joining):
    router.add_router("", part.router)

__all__ = ["router"]
