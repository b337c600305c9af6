"""Sockets, SRTP sessions, DTLS and worker processes."""
