"""What a preflight has found of one provider."""

from agent.vendors.api import Reply, VendorApi
from protocol.providers import VARIABLES
from protocol.vendors import Check, CheckResult, Outcome


class Findings:
    """Collects outcomes; `in_order` has them as `Check` counts them."""

    def __init__(self, provider: str, host: str) -> None:
        self.provider = provider
        self._host = host
        self._results: list[CheckResult] = []

    @property
    def in_order(self) -> list[CheckResult]:
        return sorted(self._results, key=lambda result: list(Check).index(result.check))

    def add(self, check: Check, outcome: Outcome, sentence: str, *, took_ms: float | None = None) -> None:
        self._results.append(
            CheckResult(provider=self.provider, check=check, outcome=outcome, sentence=sentence[:500], took_ms=took_ms)
        )

    def is_known(self, api: VendorApi, reply: Reply, what: str) -> bool:
        """False, and said so, where the vendor does not know `what`."""
        if reply.status in (400, 404, 422):
            self.add(Check.FACE, Outcome.FAILED, f"{api.name} knows no {what}. Copy its id from {api.name}’s console.")
        elif not reply.is_good:
            self.add(Check.FACE, Outcome.UNKNOWN, f"{api.name} did not tell about the {what} (HTTP {reply.status}).")
        return reply.is_good

    def refused(self, api: VendorApi, reply: Reply) -> bool:
        """Says why the first call was not answered well; always False."""
        if reply.status in (401, 403):
            self.key_refused(api)
        elif reply.status == 429:
            sentence = f"{api.name} has had too many requests from this account. Wait a minute, then check again."
            self.add(Check.KEY, Outcome.UNKNOWN, sentence)
        else:
            self.add(
                Check.KEY, Outcome.UNKNOWN, f"{api.name} is in trouble itself (HTTP {reply.status}). Check again later."
            )
        return False

    def key_refused(self, api: VendorApi) -> None:
        """The host's key is not good."""
        variable = VARIABLES[self.provider].key
        self.add(
            Check.KEY,
            Outcome.FAILED,
            f"{api.name} does not take the key that {self._host} has. Set {variable} there to one that is good, "
            "and start its processes again.",
        )
