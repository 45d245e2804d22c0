"""What the API counts about itself. Plain numbers: a poll costs microseconds, and a metrics library's locks would show."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

_BOUNDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)


class Metrics:
    """Requests by route and status, how long they took, and who is connected."""

    def __init__(self) -> None:
        self._requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._times: defaultdict[str, list[float]] = defaultdict(
            lambda: [0] * (len(_BOUNDS) + 2)
        )  # the last: their sum
        self.in_flight = 0

    def count(self, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        self._requests[route, status] += 1
        times = self._times[route]
        times[bisect_left(_BOUNDS, seconds)] += 1
        times[-1] += seconds

    def text(self) -> bytes:
        """Return it all in the exposition format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics, as the library asks for them."""
        requests = CounterMetricFamily("calotype_requests", "Requests answered", labels=["route", "status"])
        for (route, status), count in self._requests.items():
            requests.add_metric([route, str(status)], count)
        yield requests
        times = HistogramMetricFamily("calotype_request_seconds", "Time to the answer's last byte", labels=["route"])
        for route, counts in self._times.items():
            times.add_metric([route], _cumulated(counts[:-1]), counts[-1])
        yield times
        yield GaugeMetricFamily(
            "calotype_requests_in_flight", "Requests being answered, streams included", self.in_flight
        )


def _cumulated(counts: list[float]) -> list[tuple[str, float]]:
    total = 0.0
    buckets = []
    for bound, count in zip((*map(str, _BOUNDS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets
