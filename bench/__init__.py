"""Speed, as ratios inside one run. `tests/served.py` starts the real server for the benches too."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))
