"""Build hook: compiles the packet loop in C when a compiler is there, and goes on without it when not."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeLoopHook(BuildHookInterface[Any]):
    """Puts `sfu/native/_loop…so` beside its source, where the wheel and an editable install both find it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compile; a failure costs speed and nothing else, so it is said and the build goes on."""
        sys.path.insert(0, self.root)
        from sfu.native.build import build  # noqa: PLC0415 - only importable from the source tree

        try:
            library = build(Path(self.root) / "sfu" / "native")
        except Exception as error:  # noqa: BLE001 - no compiler, no headers, an exotic system: all the same here
            self.app.display_warning(f"The packet loop in C was not built ({type(error).__name__}): Python's runs.")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"].append(f"sfu/native/{library.name}")
