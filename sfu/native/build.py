"""Builds the extension `sfu.native._loop` (cffi, API mode). `python -m sfu.native.build` does it in place."""

import re
import shutil
import tempfile
from pathlib import Path

import cffi

HERE = Path(__file__).parent
# -O3 and native tuning change nothing measurable: the kernel and the crypto are elsewhere.
FLAGS = ["-O2", "-Wall", "-Wextra"]


def builder(extra: tuple[str, ...] = ()) -> cffi.FFI:
    """Return the cffi builder; `extra` flags go to the compiler and the linker (sanitizers)."""
    declarations = (HERE / "loop.h").read_text()
    ffi = cffi.FFI()
    # cffi reads constants, types and functions, but no other preprocessor lines.
    ffi.cdef(re.sub(r"^#(?!define LOOP_\w+ \d).*$", "", declarations, flags=re.MULTILINE))
    ffi.set_source(
        "sfu.native._loop",
        '#include "loop.h"',
        sources=[str(HERE / "loop.c")],
        include_dirs=[str(HERE)],
        extra_compile_args=[*FLAGS, *extra],
        extra_link_args=list(extra),
    )
    return ffi


def build(folder: Path = HERE, extra: tuple[str, ...] = ()) -> Path:
    """Compile into `folder` and return the library's path. Raises whatever the compiler's driver raises."""
    # In a folder of its own: setuptools would read the pyproject.toml of the one it runs in.
    with tempfile.TemporaryDirectory() as work:
        made = Path(builder(extra).compile(tmpdir=work))
        # Put in place whole: a running worker has the old one mapped, and would crash on a file that changes under it.
        fresh = Path(shutil.copy2(made, folder / f".{made.name}"))
        return fresh.replace(folder / made.name)


if __name__ == "__main__":
    build()
