"""Makes the description of the HTTP API that people and programs read.

    describe.py GENERATED.yaml FOLDER

GENERATED.yaml is what protoc-gen-openapi says of the protos. What it cannot know,
because the gateway does it (envoy.yaml), is added here: server-sent events, error
bodies, Idempotency-Key, tokens. Writes FOLDER/openapi.json and FOLDER/api.html, a
page that shows the same without any script. Called by gateway/CMakeLists.txt.
"""

import html
import json
import os
import re
import sys

import yaml

ABOUT = """\
A restaurant's orders over HTTP/JSON. The same API, with the same names, is gRPC on the same port (with reflection).

Every error is a `google.rpc.Status` with a `google.rpc.ErrorInfo`, whose `reason` is for programs; bad fields are named
by a `google.rpc.BadRequest`; 429 and 503 say in `Retry-After` when to come back.

Fields that are not set may be left out of a request. Answers have every field, except messages and parts of a oneof
that are not set. 64-bit numbers are strings, as in every JSON of protobuf.
"""

ERROR_EXAMPLE = {
    "code": 3,
    "message": "qty must be 1 to 100.",
    "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "INVALID_FIELD",
         "domain": "restaurant", "metadata": {}},
        {"@type": "type.googleapis.com/google.rpc.BadRequest",
         "field_violations": [{"field": "qty", "description": "must be 1 to 100"}]},
    ],
}

METHODS = ("get", "post", "put", "delete")


def operations(api):
    for path, item in api["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def dedent(node):
    """Comments in protos begin with a blank; their first lines have lost it."""
    if isinstance(node, dict):
        return {key: dedent(value) for key, value in node.items()}
    if isinstance(node, list):
        return [dedent(value) for value in node]
    return node.replace("\n ", "\n").strip() if isinstance(node, str) else node


def schema_of(api, reference):
    return api["components"]["schemas"][reference.rsplit("/", 1)[1]]


def describe(api):
    api = dedent(api)
    api["info"]["description"] = ABOUT
    api["components"]["securitySchemes"] = {"token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "Says who calls. `scripts/token` makes one; a system that runs with `AUTH=off` wants none."}}
    api["security"] = [{"token": []}]
    known = set()
    for path, method, operation in operations(api):
        # Another address of the same method.
        name = operation["operationId"]
        while operation["operationId"] in known:
            operation["operationId"] = f"{name}_{method}"
        known.add(operation["operationId"])

        error = operation["responses"]["default"]
        error["description"] = "An error."
        error["headers"] = {"Retry-After": {
            "description": "Seconds to wait before trying again. With 429 and 503.", "schema": {"type": "integer"}}}
        error["content"]["application/json"]["example"] = ERROR_EXAMPLE

        answer = operation["responses"]["200"]
        if path.endswith(":watch"):
            answer["description"] = ("Server-sent events. The data of each is one of these messages; there are no "
                                     "names, ids or retry times.")
            answer["content"] = {"text/event-stream": answer["content"]["application/json"]}

        body = operation.get("requestBody")
        if body:
            # What is in the path must not be in the body, too.
            in_path = re.findall(r"{(\w+)}", path)
            media = body["content"]["application/json"]
            whole = schema_of(api, media["schema"]["$ref"])
            rest = {key: value for key, value in whole.get("properties", {}).items() if key not in in_path}
            if in_path:
                media["schema"] = {"type": "object", "properties": rest}
            body["required"] = True
        if operation["operationId"] == "OrderService_PlaceOrder":
            operation["parameters"] = operation.get("parameters", []) + [{
                "name": "Idempotency-Key", "in": "header", "schema": {"type": "string"},
                "description": "`request_id`, for those who would rather send it here."}]
    return api


# --- the page ---


def text(markdown):
    """Paragraphs with `code`, which is all the Markdown that our comments use."""
    paragraphs = html.escape(markdown or "", quote=False).split("\n\n")
    return "".join("<p>" + re.sub(r"`([^`]+)`", r"<code>\1</code>", each) + "</p>" for each in paragraphs if each)


def anchor(name):
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()


def type_of(schema):
    if "allOf" in schema:
        schema = schema["allOf"][0]
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f'<a href="#{anchor(name)}">{html.escape(name.rsplit(".", 1)[1])}</a>'
    if schema.get("type") == "array":
        return "list of " + type_of(schema["items"])
    kind = schema.get("format") or schema.get("type", "anything")
    if "enum" in schema:
        return "one of " + ", ".join(f"<code>{html.escape(value)}</code>" for value in schema["enum"])
    return html.escape({"date-time": "time", "enum": "string"}.get(kind, kind))


def table(rows):
    if not rows:
        return ""
    lines = "".join(f'<tr><th scope="row"><code>{html.escape(name)}</code></th><td>{kind}</td><td>{text(about)}</td></tr>'
                    for name, kind, about in rows)
    return ('<div class="wide"><table><thead><tr><th scope="col">Name</th><th scope="col">Type</th>'
            f'<th scope="col">Meaning</th></tr></thead><tbody>{lines}</tbody></table></div>')


def properties(schema):
    return table([(name, type_of(each), each.get("description")) for name, each in schema.get("properties", {}).items()])


def operation_part(path, method, operation):
    title = operation["operationId"].split("_")[1]
    parts = [f'<section aria-labelledby="{anchor(operation["operationId"])}">'
             f'<h3 id="{anchor(operation["operationId"])}"><code><b>{method.upper()}</b> {html.escape(path)}</code> '
             f"<small>{title}</small></h3>", text(operation.get("description"))]
    parameters = operation.get("parameters", [])
    if parameters:
        parts.append("<h4>Parameters</h4>" + table(
            [(each["name"], f'{type_of(each["schema"])}, in the {each["in"]}', each.get("description"))
             for each in parameters]))
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        parts.append("<h4>Body</h4>")
        parts.append(f"<p>{type_of(schema)}</p>" if "$ref" in schema else properties(schema) or "<p><code>{}</code></p>")
    (kind, content), = operation["responses"]["200"]["content"].items()
    parts.append(f'<h4>Answer</h4><p>{type_of(content["schema"])}, as <code>{kind}</code></p>')
    return "".join(parts) + "</section>"


def page(api):
    parts = []
    links = []
    for tag in api["tags"]:
        name = tag["name"].removesuffix("Service")
        links.append(f'<li><a href="#{anchor(tag["name"])}">{name}</a></li>')
        parts.append(f'<h2 id="{anchor(tag["name"])}">{name}</h2>{text(tag["description"])}')
        parts += [operation_part(*each) for each in operations(api) if tag["name"] in each[2]["tags"]]
    links.append('<li><a href="#messages">Messages</a></li>')
    parts.append('<h2 id="messages">Messages</h2>')
    for name, schema in sorted(api["components"]["schemas"].items()):
        parts.append(f'<section aria-labelledby="{anchor(name)}"><h3 id="{anchor(name)}"><code>{name}</code></h3>'
                     f'{text(schema.get("description"))}{properties(schema)}</section>')
    example = html.escape(json.dumps(ERROR_EXAMPLE, indent=2), quote=False)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Restaurant: the API</title>
<link rel="stylesheet" href="/api.css">
</head>
<body>
<header>
<h1>The API</h1>
{text(api["info"]["description"])}
<p>For programs: <a href="/openapi.json">openapi.json</a> (OpenAPI {api["openapi"]}).</p>
<nav aria-label="Parts"><ul>{"".join(links)}</ul></nav>
</header>
<main>
<h2 id="errors">Errors</h2>
<p>Such as this, with status 400:</p>
<pre tabindex="0">{example}</pre>
{"".join(parts)}
</main>
</body>
</html>
"""


def main():
    generated, folder = sys.argv[1:]
    with open(generated, encoding="utf-8") as file:
        api = describe(yaml.safe_load(file))
    with open(os.path.join(folder, "openapi.json"), "w", encoding="utf-8") as file:
        json.dump(api, file, indent=1, ensure_ascii=False)
        file.write("\n")
    with open(os.path.join(folder, "api.html"), "w", encoding="utf-8") as file:
        file.write(page(api))


if __name__ == "__main__":
    main()
