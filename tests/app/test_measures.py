from app.measures import media_gauges
from sfu.control import LegStatistics, WorkerStatistics


def leg(call: str, seat: str) -> LegStatistics:
    return LegStatistics(
        leg=f"{call}-{seat}",
        call=call,
        seat=seat,
        state="connected",
        transport="udp",
        packets_in=10,
        bytes_in=1000,
        packets_out=20,
        bytes_out=2000,
        bitrate_in=300,
        bitrate_out=400,
        dropped={"codec": 2},
        streams=[],
    )


def test_workers_and_legs_are_summed() -> None:
    worker = WorkerStatistics(
        "w", "b", 1, "native", 20, 40, {"codec": 1, "length": 5}, [leg("a", "patient"), leg("a", "host")]
    )
    other = WorkerStatistics("v", "c", 2, "python", 10, 20, {}, [leg("b", "patient")])
    assert media_gauges([worker, other]) == {
        "visavis_workers": 2,
        "visavis_calls": 2,
        "visavis_legs": 3,
        "visavis_media_packets_in": 30,
        "visavis_media_packets_out": 60,
        "visavis_media_bitrate_in": 900,
        "visavis_media_bitrate_out": 1200,
        "visavis_media_dropped_codec": 7,
        "visavis_media_dropped_length": 5,
    }


def test_no_worker_is_a_figure_too() -> None:
    assert media_gauges([])["visavis_workers"] == 0
