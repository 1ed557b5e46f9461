"""Why a file is not taken."""


class RefusedFile(ValueError):
    """Nothing was kept of it; the message is a sentence that says what to do."""
