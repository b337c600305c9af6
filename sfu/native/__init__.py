"""The packet loop in C, built at install when a compiler is there; `sfu.io.native_loop` drives it."""
