import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu import rtcp

NACK = struct.pack("!BBHII", 0x81, 205, 3, 1, 2) + struct.pack("!HH", 10, 0b101)
RECEIVER_REPORT = struct.pack("!BBHI", 0x81, 201, 7, 1) + struct.pack("!IIIIII", 99, 64 << 24, 0, 90, 0x1234, 65536)
SENDER_REPORT = struct.pack("!BBHIIIIII", 0x80, 200, 6, 5, 0xAAAA1111, 0x2222BBBB, 0, 0, 0)


def test_reports_are_read_with_their_units():
    sender, block = rtcp.reports(SENDER_REPORT + RECEIVER_REPORT)
    assert sender == rtcp.SenderReport(5, 0x11112222)
    assert block == rtcp.ReportBlock(99, 0.25, 90, 0x1234, 1.0)


def test_nacked_packets_are_counted_with_their_masks():
    assert rtcp.count_nacks(RECEIVER_REPORT + NACK) == 3


def test_nacks_can_be_taken_out_and_the_rest_stays():
    assert rtcp.without_nacks(RECEIVER_REPORT + NACK) == RECEIVER_REPORT
    assert rtcp.without_nacks(NACK) == b""


def test_a_picture_loss_indication_is_as_rfc_4585_says():
    assert rtcp.picture_loss_indication(0x01020304) == bytes.fromhex("81ce00020000000101020304")


@pytest.mark.parametrize("packet", [RECEIVER_REPORT[:30], b"\x81\xc9\x00", b"\x01\xc9\x00\x00", b"\x81\xc9\xff\xff"])
def test_what_is_no_rtcp_is_refused(packet):
    with pytest.raises(rtcp.BadRtcp):
        rtcp.reports(packet)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_as_bad_rtcp(data):
    for read in (rtcp.reports, rtcp.count_nacks, rtcp.without_nacks):
        with contextlib.suppress(rtcp.BadRtcp):
            read(data)
