"""What can go wrong here, as sentences for the person at the terminal."""


class LaunchError(Exception):
    """Something that the person who typed the command can mend; the message says how."""


class CommandFailed(LaunchError):
    """A command that we ran ended with an error. `last_lines` is the end of what it printed."""

    def __init__(self, what: str, exit_code: int, last_lines: list[str]) -> None:
        self.exit_code = exit_code
        self.last_lines = last_lines
        detail = "\n".join(f"    {line}" for line in last_lines) or "    (it printed nothing)"
        super().__init__(f"{what} failed (exit code {exit_code}). The end of what it printed:\n{detail}")
