"""Reads a dashboard, or alerts and contact points, with the types of Grafana, writes them again, and prints the fields
that are gone, as JSON. A dashboard is a file; the others come as JSON from the standard input."""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.alerting import ContactPoint, Rule
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


def parts(provisioned):
    """The parts of a file of alerting, each with its type and where it stands. Policies and mute times are left out:
    Grafana reads matchers and times in another form than these types have."""
    for group in provisioned.get("groups", []):
        for rule in group.get("rules", []):
            yield Rule, rule, f"rules.{rule.get('title')}"
    for point in provisioned.get("contactPoints", []):
        for receiver in point.get("receivers", []):
            yield ContactPoint, receiver, f"contactPoints.{point.get('name')}"


def main():
    register_default_plugins()
    if sys.argv[1] == "-":
        all_parts = parts(json.load(sys.stdin))
    else:
        with open(sys.argv[1], encoding="utf-8") as file:
            all_parts = [(Dashboard, json.load(file), "")]
    found = []
    for kind, before, path in all_parts:
        try:
            after = json.loads(JSONEncoder().encode(kind.from_json(before)))
        except Exception as fault:  # whatever its types make of a value of another type
            found.append({"path": path, "message": f"{type(fault).__name__}: {fault}"})
        else:
            found.extend(lost(before, after, path))
    print(json.dumps(found))
    sys.exit(1 if found else 0)


main()
