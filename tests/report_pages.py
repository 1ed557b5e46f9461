"""`python -m tests.report_pages [--sessions N] [--samples N] [--times N]`: fill the database at hand, then time each page of
reports in this process, as a signed-in operator asks for it. Prints one JSON line: {"made_s": s, "pages": {name: [ms]}}.
"""

import argparse
import json
import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from django.test import Client


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()

    from django.core.management import call_command

    from tests.many_sessions import fill

    call_command("migrate", verbosity=0)
    call_command("load_demo")
    began = time.monotonic()
    fill(sessions=options.sessions, samples=options.samples)
    made_s = time.monotonic() - began
    print(json.dumps({"made_s": round(made_s, 1), "pages": timed(options.times)}))


def timed(times: int) -> dict[str, list[float]]:
    """Milliseconds of the server for each page, after one that warms it up."""
    from django.test import Client

    from monitoring.models import Report
    from monitoring.reports.digest_filters import MAX_DAYS
    from operators.models import Operator, Role

    client = Client()
    amina, _created = Operator.objects.get_or_create(username="amina", defaults={"role": Role.OPERATOR})
    client.force_login(amina)
    newest = [kept.session for kept in Report.objects.select_related("session").order_by("-session__requested_at")[:2]]
    codes = [str(session.code) for session in newest]
    last = newest[0].requested_at.date()
    all_days = f"since={last - timedelta(days=MAX_DAYS)}&until={last}"
    pages = {
        "report": f"/reports/{codes[0]}/",
        "report as JSON": f"/reports/{codes[0]}/report.json",
        "report as CSV": f"/reports/{codes[0]}/report.csv",
        "report as text": f"/reports/{codes[0]}/report.txt",
        "history, 30 days": "/reports/",
        "history, all": f"/reports/?{all_days}",
        "history, page 100": f"/reports/?{all_days}&page=100",
        "history, filtered": "/reports/?mode=balanced&host=atlas&outcome=well",
        "compare two modes": "/reports/compare/?kind=modes&a=balanced&b=ultra-low-latency",
        "compare two periods": "/reports/compare/?kind=periods",
        "compare two sessions": f"/reports/compare/?kind=sessions&first={codes[0]}&second={codes[1]}",
        "start drawer": "/sessions/start",
        "host": "/hosts/atlas/",
    }
    return {name: [_took_ms(client, address) for _ in range(times + 1)][1:] for name, address in pages.items()}


def _took_ms(client: "Client", address: str) -> float:
    began = time.perf_counter()
    answer = client.get(address)
    took_ms = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}")
    return round(took_ms, 1)


if __name__ == "__main__":
    main()
