"""What the tests of `policies/` have in common."""

import os
import sys
from pathlib import Path

from hypothesis import settings

# Tests are imported by their paths (`--import-mode=importlib`), so what several of them
# share is put where it can be imported by name.
sys.path.append(str(Path(__file__).parent / "kit"))

# A machine that is busy with something else is no fault of what is tested: no deadline.
# In continuous integration a red run must be red again; elsewhere each run tries afresh.
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")
