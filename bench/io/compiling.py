"""Compiles the bench's own C, when it is needed: whoever has no compiler does without."""

import shutil
import subprocess
from pathlib import Path

_FLAGS = ("-O2", "-shared", "-fPIC")


class CannotCompile(Exception):
    """There is no library; the text is a sentence about what needed it."""


def compile_library(source: Path, folder: Path, what: str) -> Path:
    """Compile into the folder and return the shared library. Raises `CannotCompile`, which names `what` was wanted."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None:
        raise CannotCompile(f"{what} needs a C compiler, and there is none.")
    library = folder / f"{source.parent.name}.so"
    made = subprocess.run([compiler, *_FLAGS, "-o", str(library), str(source)], capture_output=True, check=False)
    if made.returncode:
        raise CannotCompile(f"{what} does not compile here.")
    return library
