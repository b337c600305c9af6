"""What /metrics says of the web side, and of the calls through a function that is asked at each scrape."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class _Gauges(Collector):
    def __init__(self, ask: Callable[[], dict[str, float]]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        for name, value in sorted(self._ask().items()):
            yield GaugeMetricFamily(name, name.replace("_", " "), value=value)


class RequestMeasures:
    """Counts requests by route pattern (never by path, which holds ids) and registers the callers' gauges."""

    def __init__(self, registry: CollectorRegistry, gauges: Callable[[], dict[str, float]]) -> None:
        self._registry = registry
        self._requests = Counter(
            "visavis_http_requests", "HTTP requests answered", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram("visavis_http_seconds", "Time to the answer", ("route",), registry=registry)
        registry.register(_Gauges(gauges))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        if route != "/ws":  # lasts as long as a visit, which says nothing of our speed
            self._seconds.labels(route).observe(seconds)

    def exposition(self) -> bytes:
        """Return everything in the registry in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)
