"""Traffic of the host, from /proc/net/dev; what a host says to itself is left out."""

from pathlib import Path

from agent.samplers.counters import Counters
from protocol.readings import NetworkSample


def parse_net_dev(text: bytes) -> dict[str, int]:
    """`<interface> received` and `<interface> sent` -> bytes."""
    counters = {}
    for line in text.splitlines()[2:]:
        name, colon, rest = line.partition(b":")
        columns = rest.split()
        if colon and len(columns) >= 9 and name.strip() != b"lo":
            counters[f"{name.strip().decode()} received"] = int(columns[0])
            counters[f"{name.strip().decode()} sent"] = int(columns[8])
    return counters


class NetworkReader:
    """Absent at the first reading, and where no interface is left that was there before."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._path = root / "proc/net/dev"
        self._bytes = Counters()

    def read(self, now_s: float) -> NetworkSample | None:
        try:
            counters = parse_net_dev(self._path.read_bytes())
        except (OSError, ValueError):
            return None
        rates = self._bytes.per_s(counters, now_s)
        received = [rate for name, rate in rates.items() if name.endswith(" received")]
        sent = [rate for name, rate in rates.items() if name.endswith(" sent")]
        if not received or not sent:
            return None
        return NetworkSample(received_bytes_per_s=sum(received), sent_bytes_per_s=sum(sent))
