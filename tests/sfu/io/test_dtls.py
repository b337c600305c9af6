"""The handshake against OpenSSL's client, and what fails loudly when a new aiortc or pylibsrtp changes."""

import asyncio
import contextlib
import gc
import weakref

import pytest
from aiortc import rtcdtlstransport
from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

from sfu.answer import Fingerprint
from sfu.io import dtls
from sfu.io.dtls import Certificate, Handshake, Keys


class Browser:
    """A DTLS client that is moved by hand, and the handshake of ours that it talks to."""

    def __init__(self) -> None:
        self.certificate = RTCCertificate.generateCertificate()
        profiles = [rtcdtlstransport.SRTP_AEAD_AES_128_GCM]
        self.connection = SSL.Connection(self.certificate._create_ssl_context(profiles))
        self.connection.set_connect_state()
        self.heard: list[bytes] = []
        self.keys: list[Keys] = []
        self.ends: list[bool] = []
        self.handshake = Handshake(
            Certificate.generateCertificate(), self.heard.append, self.keys.append, self.ends.append
        )

    def fingerprints(self, *algorithms: str) -> tuple[Fingerprint, ...]:
        wanted = algorithms or ("sha-256",)
        own = {item.algorithm: item.value for item in self.certificate.getFingerprints()}
        return tuple(Fingerprint(name, own.get(name, "AB:CD")) for name in wanted)

    def flight(self) -> bytes:
        """Return what the client says next; empty for nothing."""
        with contextlib.suppress(SSL.WantReadError):
            self.connection.do_handshake()
        return self.said()

    def said(self) -> bytes:
        try:
            return self.connection.bio_read(1500)
        except SSL.WantReadError:
            return b""

    async def take(self) -> None:
        """Give the client what our side has said."""
        await asyncio.sleep(0)
        for datagram in self.heard:
            self.connection.bio_write(datagram)
        self.heard.clear()

    async def shake(self) -> None:
        for _ in range(2):
            assert self.handshake.feed(self.flight())
            await self.take()
        self.flight()


async def idle(handshake: Handshake) -> bool:
    await asyncio.sleep(0)
    return handshake._turn is None and handshake._timer is None


async def test_two_flights_make_keys_and_leave_nothing_running():
    browser = Browser()
    browser.handshake.start(browser.fingerprints())
    await browser.shake()
    assert browser.keys[0].profile == "SRTP_AEAD_AES_128_GCM"
    assert await idle(browser.handshake)
    browser.connection.shutdown()
    browser.handshake.feed(browser.said())
    await browser.take()
    assert browser.ends == [True]
    assert not browser.handshake.feed(b"\x16")


async def test_what_comes_before_the_answer_waits_for_it():
    browser = Browser()
    assert browser.handshake.feed(browser.flight())
    await asyncio.sleep(0)
    assert browser.heard == []
    browser.handshake.start(browser.fingerprints())
    await browser.take()
    browser.handshake.feed(browser.flight())
    await browser.take()
    assert len(browser.keys) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda _: (Fingerprint("sha-256", ":".join(["AB"] * 32)),),
        lambda browser: (*browser.fingerprints(), Fingerprint("sha-512", "AB")),
        lambda _: (Fingerprint("md5", "AB"),),
        lambda _: (),
    ],
    ids=["another", "one of two", "unknown kind", "none"],
)
async def test_another_certificate_than_the_answers_gets_no_keys(wrong):
    browser = Browser()
    browser.handshake.start(wrong(browser))
    await browser.shake()
    assert (browser.keys, browser.ends) == ([], [False])
    assert await idle(browser.handshake)


async def test_every_known_fingerprint_may_be_named_and_unknown_kinds_are_passed_over():
    browser = Browser()
    browser.handshake.start(browser.fingerprints("sha-512", "sha-256", "sha-1"))
    await browser.shake()
    assert len(browser.keys) == 1


@pytest.mark.parametrize("lacking", ["a certificate", "an SRTP profile"])
async def test_a_client_that_lacks_what_srtp_needs_gets_no_keys(lacking):
    browser = Browser()
    context = SSL.Context(SSL.DTLS_METHOD)
    if lacking == "a certificate":
        context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM")
    else:
        context.use_certificate(browser.certificate._cert)
        context.use_privatekey(browser.certificate._key)
    browser.connection = SSL.Connection(context)
    browser.connection.set_connect_state()
    browser.handshake.start(browser.fingerprints())
    for _ in range(2):
        browser.handshake.feed(browser.flight())
        await browser.take()
    assert (browser.keys, browser.ends) == ([], [False])


async def test_a_lost_flight_is_sent_again_by_the_timer_and_a_lost_last_one_when_asked():
    browser = Browser()
    browser.handshake.start(browser.fingerprints())
    assert browser.handshake._timer is None
    browser.handshake.feed(browser.flight())
    await asyncio.sleep(0)
    lost = browser.heard.pop()
    timer = browser.handshake._timer
    assert timer is not None
    async with asyncio.timeout(10):
        while not browser.heard:  # noqa: ASYNC110 — OpenSSL's own clock decides when
            await asyncio.sleep(0.05)
    assert browser.heard[0] != lost  # the same messages in new records
    await browser.take()
    second = browser.flight()
    browser.handshake.feed(second)
    await asyncio.sleep(0)
    browser.heard.clear()
    assert await idle(browser.handshake)
    browser.handshake.feed(second)
    await asyncio.sleep(0)
    browser.connection.DTLSv1_handle_timeout()
    async with asyncio.timeout(10):
        while not (again := browser.said()):
            await asyncio.sleep(0.05)
            browser.connection.DTLSv1_handle_timeout()
    browser.handshake.feed(again)
    await browser.take()
    browser.flight()
    assert browser.connection.get_finished() is not None
    assert len(browser.keys) == 1


async def test_junk_is_passed_over_and_a_stranger_who_breaks_the_handshake_ends_this_one_only():
    browser, other = Browser(), Browser()
    for one in (browser, other):
        one.handshake.start(one.fingerprints())
    for junk in (b"\x16", b"\x16\xfe\xff" + bytes(60), b"\x15\xfe\xfd" + bytes(200), bytes(range(20, 64))):
        browser.handshake.feed(junk)
    await browser.shake()
    assert len(browser.keys) == 1
    hello = bytearray(other.flight())
    hello[13] ^= 0xFF  # no message that a handshake begins with
    other.handshake.feed(bytes(hello))
    await asyncio.sleep(0)
    assert (other.ends, browser.ends) == ([False], [])
    assert await idle(other.handshake)


async def test_what_waits_is_bounded():
    browser = Browser()
    assert [browser.handshake.feed(b"\x16") for _ in range(40)].count(True) == dtls._QUEUE


@pytest.mark.parametrize("flights", range(4))
async def test_a_stopped_handshake_says_goodbye_once_it_can_and_keeps_nothing(flights):
    browser = Browser()
    browser.handshake.start(browser.fingerprints())
    for _ in range(flights):
        if said := browser.flight():
            browser.handshake.feed(said)
        if flights != 1:
            await browser.take()
    connection = weakref.ref(browser.handshake._connection)
    browser.heard.clear()
    browser.handshake.stop()
    browser.handshake.stop()
    assert len(browser.heard) == (1 if flights > 1 else 0)
    assert await idle(browser.handshake)
    assert browser.ends == []
    assert not browser.handshake.feed(b"\x16")
    gc.collect()
    assert connection() is None


async def test_a_leg_that_is_closed_while_its_keys_are_handed_over_ends_quietly():
    browser = Browser()
    handshake = browser.handshake
    handshake._secured = lambda _keys: handshake.stop()
    handshake.start(browser.fingerprints())
    await browser.shake()
    assert browser.ends == []
    assert await idle(handshake)


def test_aiortcs_certificate_still_has_what_we_call():
    certificate = Certificate.generateCertificate()
    assert certificate.context is certificate.context
    assert isinstance(certificate.context, SSL.Context)
    assert certificate.sha256 == rtcdtlstransport.certificate_digest(certificate._cert, "sha-256")
    material = bytes(range(56))
    assert dtls._PROFILES[0].get_key_and_salt(material, 1) == material[16:32] + material[44:56]


def test_libsrtps_functions_take_a_session_a_packet_and_its_length():
    for name in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"):
        assert "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, int *)" in str(ffi.typeof(getattr(lib, name)))


def test_keys_keep_the_sessions_alive_whose_pointers_they_hand_out():
    kinds = (Policy.SSRC_ANY_INBOUND, Policy.SSRC_ANY_OUTBOUND)
    receive, send = (
        dtls._session(dtls._PROFILES[0], bytes(range(56)), index, kind) for index, kind in enumerate(kinds)
    )
    keys = Keys(receive, send, "x")
    assert keys._owners == (receive, send)
    assert (keys.receive, keys.send) == (receive[0], send[0])
    assert keys.receive != keys.send


@pytest.mark.parametrize("profile", dtls._PROFILES, ids=lambda profile: profile.openssl_profile.decode())
def test_sessions_are_those_that_pylibsrtp_makes_and_no_key_is_left_where_the_next_one_goes(profile):
    material = bytes(range(100))
    ours = dtls._session(profile, material, 1, Policy.SSRC_ANY_OUTBOUND)
    assert dtls._policy(profile, Policy.SSRC_ANY_OUTBOUND).key is None
    key = profile.get_key_and_salt(material, 1)
    theirs = Session(Policy(key, Policy.SSRC_ANY_INBOUND, srtp_profile=profile.libsrtp_profile))
    packet = bytes([128, 96, 0, 1]) + bytes(8) + b"said"
    buffer, length = ffi.new("char[]", packet + bytes(32)), ffi.new("int *", len(packet))
    assert dtls.srtp_protect(ours[0], buffer, length) == 0
    assert theirs.unprotect(bytes(ffi.buffer(buffer, length[0]))) == packet


def test_cbc_suites_are_not_offered():
    ciphers = SSL.Connection(Certificate.generateCertificate().context).get_cipher_list()
    assert ciphers
    assert not [name for name in ciphers if name.startswith("ECDHE-ECDSA-AES") and "GCM" not in name]
