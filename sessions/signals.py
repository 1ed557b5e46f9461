"""What the rest of the project may listen to. All are sent after the commit."""

from django.dispatch import Signal

session_requested = Signal()  # session: AvatarSession; a start, not a restart
session_changed = Signal()  # code: str
profile_changed = Signal()  # profile: str, its code; its portraits or checks, not its versions
worker_changed = Signal()  # host: str
