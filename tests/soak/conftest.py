"""What the soak's tests have in common with the program beside them: its parts, by name."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Not tests/ itself: its folders have the floors' names. What is shared is found by its name.
for each in (HERE / "kit", HERE.parent / "policies" / "kit", HERE.parent / "workflows"):
    if str(each) not in sys.path:
        sys.path.append(str(each))
