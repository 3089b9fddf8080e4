"""Compiles programs, and runs those that have an event; prints what is said of those that fail, as JSON."""

import json
import sys

from vrl_python import VRLRuntime


def said(program):
    diagnostic = VRLRuntime.check_syntax(program["source"])
    if diagnostic:
        return diagnostic.formatted_message
    if program["event"] is not None:
        try:
            VRLRuntime().execute(program["source"], program["event"])
        except (RuntimeError, ValueError) as failure:
            return str(failure)
    return None


found = [said(program) for program in json.load(sys.stdin)]
print(json.dumps(found))
sys.exit(1 if any(found) else 0)
