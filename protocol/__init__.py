"""Every message that crosses a process, as pydantic models.

Imported by the control plane and by the avatar host alike; imports neither Django nor LiveKit.
"""
