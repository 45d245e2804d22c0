"""`calotype api` with other figures for its patience: what takes ten seconds in earnest takes one here, and none is a planted bug.

python -m faults.patient_api '{"protocol.HEAD_TIME": 1.0}' --fd N --data FOLDER
"""

from __future__ import annotations

import importlib
import json
import sys

from calotype.cli.main import main

if __name__ == "__main__":
    for name, value in json.loads(sys.argv[1]).items():
        module, constant = name.rsplit(".", 1)
        assert hasattr(importlib.import_module(f"calotype.server.{module}"), constant)
        setattr(importlib.import_module(f"calotype.server.{module}"), constant, value)
    sys.argv = ["calotype", "api", *sys.argv[2:]]
    main()
