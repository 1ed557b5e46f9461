"""How many more sessions fit, as tags: for the start drawer, and as a fragment for the page of a host."""

from typing import Any

from django import template

from monitoring.hosts.capacity import Capacity, HostRoom, capacity_in, room_on
from sessions.install import install
from sessions.models import DeploymentMode

register = template.Library()


@register.simple_tag
def host_room(host: str) -> HostRoom:
    """What the host has left."""
    return room_on(host)


@register.simple_tag
def fits(mode: DeploymentMode, room: HostRoom) -> Capacity:
    """How many more sessions in the mode the room takes."""
    return capacity_in(mode, room)


@register.inclusion_tag("monitoring/capacity.html")
def host_capacity(host: str, swap: str = "") -> dict[str, Any]:
    """The host's room in each mode that was measured there, the default mode first; `swap` for htmx's out-of-band."""
    room = room_on(host)
    modes = DeploymentMode.objects.filter(archived_at=None).exclude(current=None)
    found = sorted(
        (capacity_in(mode, room) for mode in modes), key=lambda each: each.mode.slug != install().default_mode
    )
    measured = [each for each in found if each.is_measured]
    first = measured[0] if measured else None
    unstolen = capacity_in(first.mode, room.without_steal) if first and room.is_starved else None
    return {"room": room, "measured": measured, "first": first, "unstolen": unstolen, "swap": swap}
