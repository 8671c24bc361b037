"""Checks answers of the gateway against the description of its API.

    openapi_check.py OPENAPI.json ANSWERS

ANSWERS has a JSON object a line: method, path (without the query), status, and the
body; or, of a stream of events, one line for each. Says what is wrong, a line each,
and how much was checked. Exit code 1 if anything is wrong or an operation of the
description was not answered with 200.
"""

import copy
import json
import re
import sys

from openapi_schema_validator import OAS30ReadValidator
from openapi_spec_validator import validate


def closed(node):
    """The schema with every object closed: a field that is not described is an error."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {key: closed(value) for key, value in node.items()}
    if node.get("type") == "object" and isinstance(node.get("properties"), dict):
        node.setdefault("additionalProperties", False)
    return node


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        api = json.load(file)
    validate(api)
    strict = copy.deepcopy(api)
    strict["components"]["schemas"] = closed(api["components"]["schemas"])
    templates = []
    for path, item in api["paths"].items():
        pattern = re.compile(re.sub(r"{\w+}", "[^/:]+", path))
        templates += [(pattern, path, method, item[method]) for method in ("get", "post", "put", "delete")
                      if method in item]
    # /mypages/search/findByOrderId before anything with a parameter.
    templates.sort(key=lambda each: each[1].count("{"))
    wrong = []
    answered = set()
    checked = 0
    with open(sys.argv[2], encoding="utf-8") as file:
        for line in file:
            answer = json.loads(line)
            name = f'{answer["method"]} {answer["path"]} {answer["status"]}'
            found = [each for each in templates
                     if each[2] == answer["method"].lower() and each[0].fullmatch(answer["path"])]
            if not found:
                wrong.append(f"{name}: not described")
                continue
            _, path, method, operation = found[0]
            described = operation["responses"].get(str(answer["status"]), operation["responses"]["default"])
            (_, content), = described["content"].items()
            if answer["status"] == 200:
                answered.add((method, path))
            # References are looked for from the top.
            schema = {**content["schema"], "components": strict["components"]}
            for error in OAS30ReadValidator(schema).iter_errors(answer["body"]):
                wrong.append(f"{name}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
            checked += 1
    for _, path, method, _ in templates:
        if (method, path) not in answered:
            wrong.append(f"{method.upper()} {path}: described, but never answered with 200")
    print("\n".join(wrong))
    print(f"{checked} answers checked, {len(templates)} operations described")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
