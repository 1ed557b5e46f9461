"""espeak-ng as a program of its own: a line of JSON in, a line of JSON and the sound out, until its input ends.

espeak-ng is GPL-3.0-or-later. This file is the whole of what touches it: it runs as a separate process and is never
imported, so that the library is in no other process of the product (`agent/voice/espeak.py` is the other end of the pipe).

    python -I -S espeak_program.py LIBRARY DATA_FOLDER
    -> {"text": "...", "voice": "ar+f2", "rate": 160, "pitch": 50, "range": 50}
    <- {"sample_rate": 22050, "bytes": 44100, "phonemes": [[0, "m"], [69, "a:"]]}    then so many bytes of 16 bit mono
    <- {"error": "..."}                                                          for what could not be spoken

`text` may hold phonemes between [[ and ]], in espeak-ng's own notation; times are milliseconds of the sound.
"""

import ctypes
import json
import sys

_SYNCHRONOUS = 2
_PHONEME_EVENTS = 1
_UTF8 = 1
_PHONEMES_IN_TEXT = 0x100
_END_PAUSE = 0x1000
_LIST_TERMINATED, _PHONEME = 0, 7
_PARAMETERS = {"rate": 1, "pitch": 3, "range": 4}


class _Event(ctypes.Structure):
    """`espeak_EVENT` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("phoneme", ctypes.c_char * 8),
    )


_OnSound = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def main(library_file: str, data_folder: str) -> None:
    """Answers requests until the input ends."""
    library = ctypes.CDLL(library_file)
    sample_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data_folder.encode(), _PHONEME_EVENTS)
    sound = bytearray()
    phonemes: list[tuple[int, str]] = []

    def on_sound(samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]") -> int:
        if samples and count > 0:
            sound.extend(ctypes.string_at(samples, 2 * count))
        index = 0
        while events[index].type != _LIST_TERMINATED:
            if events[index].type == _PHONEME:
                phonemes.append((events[index].audio_position_ms, events[index].phoneme.decode(errors="replace")))
            index += 1
        return 0

    callback = _OnSound(on_sound)
    library.espeak_SetSynthCallback(callback)
    for line in sys.stdin.buffer:
        sound.clear()
        phonemes.clear()
        error = "espeak-ng could not be started" if sample_rate <= 0 else _speak(library, json.loads(line))
        reply = {"error": error} if error else {"sample_rate": sample_rate, "bytes": len(sound), "phonemes": phonemes}
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
        if not error:
            sys.stdout.buffer.write(sound)
        sys.stdout.buffer.flush()


def _speak(library: ctypes.CDLL, request: dict[str, object]) -> str | None:
    """Fills the sound through the callback; the sentence of what went wrong, or None."""
    if library.espeak_SetVoiceByName(str(request["voice"]).encode()) != 0:
        return f"espeak-ng has no voice {request['voice']!r}"
    for name, number in _PARAMETERS.items():
        library.espeak_SetParameter(number, int(str(request[name])), 0)
    text = str(request["text"]).encode() + b"\0"
    if library.espeak_Synth(text, len(text), 0, 1, 0, _UTF8 | _PHONEMES_IN_TEXT | _END_PAUSE, None, None) != 0:
        return "espeak-ng did not take the text"
    library.espeak_Synchronize()
    return None


if __name__ == "__main__":
    main(*sys.argv[1:3])
