"""A pytest plugin that puts another build of the packet loop in C in the place of the installed one."""

import importlib.util
import os
import sys

_spec = importlib.util.spec_from_file_location("sfu.native._loop", os.environ["VISAVIS_LOOP_LIBRARY"])
assert _spec is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["sfu.native._loop"] = _module
assert _spec.loader is not None
_spec.loader.exec_module(_module)
