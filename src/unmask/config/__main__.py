"""``python -m unmask.config`` prints the JSON schema of ``params.yaml``."""

import json

from unmask.config import settings_schema

if __name__ == "__main__":
    print(json.dumps(settings_schema(), indent=2))
