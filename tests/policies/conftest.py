"""What the tests of `policies/` have in common."""

import os
import sys
from pathlib import Path

from hypothesis import Phase, settings

# Tests are imported by their paths (`--import-mode=importlib`), so what several of them
# share is put where it can be imported by name.
sys.path.append(str(Path(__file__).parent / "kit"))

# A machine that is busy with something else is no fault of what is tested: no deadline.
# One failure told well is worth more than several that take minutes to make small.
COMMON = {"deadline": None, "report_multiple_bugs": False}

# In continuous integration a red run must be red again, and soon: making a long story of a
# state machine short takes minutes, and the printed blob lets anybody do it elsewhere.
FOUND = [Phase.explicit, Phase.reuse, Phase.generate]
settings.register_profile("ci", print_blob=True, derandomize=True, phases=FOUND, **COMMON)
settings.register_profile("here", **COMMON)
settings.load_profile("ci" if os.environ.get("CI") else "here")
