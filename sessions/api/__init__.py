"""REST: profiles, modes, sessions, links, joining."""

from ninja import Router

from sessions.api import catalogue, joining, knowledge, links, live, portraits, scene

router = Router()
for part in (catalogue, knowledge, portraits, scene, live, links, joining):
    router.add_router("", part.router)

__all__ = ["router"]
