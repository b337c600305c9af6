"""What the two browsers say of each other's streams, read from the reports that pass by (RFC 3550 §6.4)."""

from sfu.codecs import CAMERA
from sfu.leg import Leg
from sfu.rtcp import SenderReport, reports


def read_reports(leg: Leg, peer: Leg, packet: bytes, now: float) -> None:
    """Update the streams of `leg` from its sender reports, and those of `peer` from its report blocks.

    RTT is the way from the SFU to the reporting receiver and back: time since the sender report passed here,
    less the receiver's own delay. Raises `rtcp.BadRtcp`.
    """
    for report in reports(packet):
        if isinstance(report, SenderReport):
            stream = leg.streams.get(report.ssrc.to_bytes(4, "big"))
            if stream is not None:
                stream.report_id, stream.report_at = report.ntp_middle, now
            continue
        stream = peer.streams.get(report.ssrc.to_bytes(4, "big"))
        if stream is None:
            continue
        stream.lost_fraction = report.lost_fraction
        if stream.clock_rate == CAMERA.clock_rate:
            peer.storm.report(report.lost_fraction, peer.bitrate_in, now)
        stream.jitter_ms = report.jitter * 1000 / stream.clock_rate
        if report.last_sender_report and report.last_sender_report == stream.report_id:
            stream.rtt_ms = max(0.0, (now - stream.report_at - report.delay) * 1000)
