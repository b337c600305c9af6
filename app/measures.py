"""What /metrics says of the media side: the workers' counters, summed."""

from collections import Counter
from collections.abc import Iterable

from sfu.control import WorkerStatistics


def media_gauges(statistics: Iterable[WorkerStatistics]) -> dict[str, float]:
    """Return gauges by name. Bit rates are in bits/s over the last second, counters since the workers started."""
    workers = list(statistics)
    legs = [leg for worker in workers for leg in worker.legs]
    dropped: Counter[str] = Counter()
    for counts in (*(worker.dropped for worker in workers), *(leg.dropped for leg in legs)):
        dropped.update(counts)
    return {
        "visavis_workers": len(workers),
        "visavis_calls": len({leg.call for leg in legs}),
        "visavis_legs": len(legs),
        "visavis_media_packets_in": sum(worker.packets_in for worker in workers),
        "visavis_media_packets_out": sum(worker.packets_out for worker in workers),
        "visavis_media_bitrate_in": sum(leg.bitrate_in for leg in legs),
        "visavis_media_bitrate_out": sum(leg.bitrate_out for leg in legs),
        **{f"visavis_media_dropped_{reason}": count for reason, count in sorted(dropped.items())},
    }
