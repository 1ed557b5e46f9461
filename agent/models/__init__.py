"""Heavy models, once a host: one shared process that every job asks over a Unix socket.

A model is one line in `agent.models.registry`. The process starts with the first question, loads a model at its first use, and
ends with the agent worker, or after a while without a session. From a job:

    reply = await infer("speech_to_text", Message({"languages": ["en"]}, samples.tobytes()))
"""

from agent.models.client import ModelBusy, ModelError, ModelsAway, infer, load
from agent.models.messages import Message

__all__ = ["Message", "ModelBusy", "ModelError", "ModelsAway", "infer", "load"]
