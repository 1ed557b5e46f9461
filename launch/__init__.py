"""What `make run` and `make test` do: install what is missing, then run every process of the Procfile.

Imports neither Django nor the agent. The modules that `launch.install` uses need nothing but Python's standard library,
because they run before there is a virtual environment.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this line is what an older Python reads first
    raise SystemExit(
        f"Avatary needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. "
        "Name a newer one: PYTHON=python3.12 make run"
    )
