"""Compares resources, as kustomize prints them, with the schemas of their kinds; says what it finds as kubernetes-validate does."""

import json
import sys

import jsonschema
import yaml

schemas = json.loads(sys.argv[1])
found = False
for resource in yaml.safe_load_all(sys.stdin):
    kind = f"{resource['apiVersion']}/{resource['kind']}" if resource else ""
    if kind in schemas:
        for fault in jsonschema.Draft7Validator(schemas[kind]).iter_errors(resource):
            found = True
            name = f"{resource['kind'].lower()}/{resource['metadata']['name']}"
            path = ".".join(map(str, fault.path))
            print(f"ERROR - did not validate for resource {name} against version {kind}: {path}: {fault.message}")
sys.exit(1 if found else 0)
