"""Reads a dashboard with the types of Grafana, writes it again, and prints the fields that are gone, as JSON."""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(before, after, path):
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            here = f"{path}.{key}" if path else key
            if key in after:
                yield from lost(value, after[key], here)
            elif value not in (None, {}, []):
                yield {"path": here, "message": "Grafana has no such field"}
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield {"path": path, "message": f"{len(before)} entries become {len(after)}"}
        for index, (one, other) in enumerate(zip(before, after)):
            yield from lost(one, other, f"{path}.{index}")
    elif type(before) is not type(after) and not all(isinstance(it, (int, float)) for it in (before, after)):
        yield {"path": path, "message": f"a {type(before).__name__} becomes a {type(after).__name__}"}


def main():
    register_default_plugins()
    with open(sys.argv[1], encoding="utf-8") as file:
        before = json.load(file)
    try:
        after = json.loads(JSONEncoder().encode(Dashboard.from_json(before)))
    except Exception as fault:  # whatever its types make of a value of another type
        found = [{"path": "", "message": f"{type(fault).__name__}: {fault}"}]
    else:
        found = list(lost(before, after, ""))
    print(json.dumps(found))
    sys.exit(1 if found else 0)


main()
