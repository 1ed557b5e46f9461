"""Vendors of hosted avatars, asked beside a session: whether all is ready for one, and to end what one has left open.

What a session itself asks of them is `agent/avatars/`. Runs in programs of its own, which alone have the keys.
"""
