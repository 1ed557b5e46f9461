"""Stand-ins for the hosted avatar vendors, on the loopback: for tests without keys and for trying the product out.

`python -m standins --port N` is one process with three vendors under paths of their own (`server.py`). Each speaks its vendor's
HTTP API as far as it is documented or was measured, and what it starts is real: it joins the LiveKit room with the token that it
is handed, takes the agent's sound, and publishes a talking card. Faults are switched on while it runs (`behaviour.py`).
What a vendor documents is marked [D] in its file; status codes and texts without the mark are ours.
"""
