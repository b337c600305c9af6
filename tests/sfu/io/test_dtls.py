"""Fails loudly when a new aiortc or pylibsrtp changes the private members that `sfu.io.dtls` stands on."""

import inspect

from aiortc import rtcdtlstransport
from OpenSSL import SSL
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

from sfu.io.dtls import Certificate, Keys, _Transport


def test_aiortcs_transport_still_has_what_we_override_and_call():
    transport = rtcdtlstransport.RTCDtlsTransport
    for name in ("_setup_srtp", "_set_state", "_set_role", "start", "stop"):
        assert callable(getattr(transport, name))
    assert list(inspect.signature(rtcdtlstransport.RTCCertificate._create_ssl_context).parameters) == [
        "self", "srtp_profiles",
    ]  # fmt: skip
    source = inspect.getsource(transport)
    for used in (
        "self._srtp_profiles",
        "self.transport._recv()",
        "self.transport._send(",
        "self._rx_srtp",
        "self._ssl",
    ):
        assert used in source


def test_the_handshake_checks_the_certificate_before_it_makes_keys():
    source = inspect.getsource(rtcdtlstransport.RTCDtlsTransport.start)
    assert source.index("_validate_peer_identity") < source.index("_setup_srtp")


def test_libsrtps_functions_take_a_session_a_packet_and_its_length():
    for name in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"):
        assert "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, int *)" in str(ffi.typeof(getattr(lib, name)))


def test_keys_keep_the_sessions_alive_whose_pointers_they_hand_out():
    session = Session(Policy(bytes(28), Policy.SSRC_ANY_INBOUND, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM))
    keys = Keys(session, session, "x")
    assert keys._owners == (session, session)
    assert keys.receive == session._srtp[0]


def test_cbc_suites_are_not_offered():
    context = Certificate.generateCertificate()._create_ssl_context([rtcdtlstransport.SRTP_AEAD_AES_128_GCM])
    ciphers = SSL.Connection(context).get_cipher_list()
    assert ciphers
    assert not [name for name in ciphers if name.startswith("ECDHE-ECDSA-AES") and "GCM" not in name]
    assert _Transport.__mro__[1] is rtcdtlstransport.RTCDtlsTransport
