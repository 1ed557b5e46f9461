"""What the rest of the project may listen to. Both are sent after the commit."""

from django.dispatch import Signal

session_changed = Signal()  # code: str
worker_changed = Signal()  # host: str
