"""The API described: OpenAPI, and a page for people that needs no script and no other host."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from rackrate import __version__
from rackrate.api.schemas.parts import Problem

TITLE = "Rackrate"
DESCRIPTION = """Fleet, prices, leases, contracts, invoices and books of a GPU cloud.

- **Who asks**: `Authorization: Bearer rr_…`. What belongs to another customer answers 404.
- **Errors** are RFC 9457 problem details with a stable `reason`, and a `request_id` that the audit
  log has too.
- **Once**: send an `Idempotency-Key` with a POST. The same key again, for 7 days, answers the same
  and does nothing again; with another body it is refused.
- **Lists** have `items` and `next`; give `next` as `after` for the following page.
- **Times** are RFC 3339 in UTC; **money** is `{"amount": "12.34", "currency": "CNY"}`, exactly.
- **ETag** on nodes, leases and invoices: `If-None-Match` answers 304 while nothing has changed,
  `If-Match` on a lease's stop, start and end answers 412 when something has."""
TAGS = [
    {"name": "leases", "description": "Capacity in use: start, look, stop, end"},
    {"name": "addresses", "description": "Public addresses of projects, and where they belong"},
    {"name": "readings", "description": "What meters outside have counted, such as egress"},
    {"name": "catalogue", "description": "What is sold, and at what price"},
    {"name": "capacity", "description": "The calendar: what can be promised, and from when"},
    {"name": "fleet", "description": "Sites, nodes, and the files that describe them"},
    {"name": "customers", "description": "Who buys, and their projects"},
    {"name": "access", "description": "Members, tokens and SSH keys"},
    {"name": "quotes", "description": "Offers at a price, with a hold until they expire"},
    {"name": "contracts", "description": "Take-or-pay for whole nodes"},
    {"name": "invoices", "description": "What is owed, and what was paid"},
    {"name": "receivables", "description": "Payments, open items, ageing, reminders"},
    {"name": "budgets", "description": "What on-demand use of a month may cost"},
    {"name": "wallets", "description": "Customers that pay ahead: top up, what is left, close"},
    {"name": "ledger", "description": "The books"},
    {"name": "notifications", "description": "Who is told of what, and whether it arrived"},
    {"name": "system", "description": "Health, and who did what"},
]


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=TITLE,
            version=__version__,
            description=DESCRIPTION,
            routes=app.routes,
            tags=TAGS,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"]["Problem"] = schema
        app.openapi_schema = document
    return app.openapi_schema


STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent) }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 13px/1.45 ui-monospace, monospace }
pre { overflow-x: auto; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: 6px }
details { border-top: 1px solid var(--line); padding: .45rem 0 }
summary { cursor: pointer } h2 { margin-top: 2.2rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; border-bottom: 1px solid var(--line) }
.verb { display: inline-block; min-width: 4.2rem; font-weight: 600 }
""".replace("\n", " ")  # noqa: E501 - a style is read whole


def page(document: Mapping[str, Any]) -> str:
    """The document as one HTML page."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>{TITLE} API</title><style>{STYLE}</style><h1>{TITLE} API</h1>",
        *(f"<p>{_words(text)}</p>" for text in DESCRIPTION.replace("\n- ", "\n\n").split("\n\n")),
        "<p>For programs: <a href='/v1/openapi.json'>/v1/openapi.json</a></p>",
    ]
    for tag in TAGS:
        parts.append(f"<h2 id='{tag['name']}'>{escape(tag['name'].capitalize())}</h2>")
        parts.append(f"<p>{escape(tag['description'])}</p>")
        for path, operations in document["paths"].items():
            for verb, operation in operations.items():
                if tag["name"] in operation.get("tags", ()):
                    parts.append(_operation(document, path, verb, operation))
    parts.append("<h2 id='schemas'>Schemas</h2>")
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts.append(f"<h3 id='{escape(name)}'><code>{escape(name)}</code></h3>")
        parts.append(f"<p>{_words(schema.get('description', ''))}</p>{_fields(schema)}")
    return "".join(parts)


def _operation(
    document: Mapping[str, Any], path: str, verb: str, operation: Mapping[str, Any]
) -> str:
    parts = [
        f"<details><summary><span class='verb'>{verb.upper()}</span><code>{escape(path)}</code> ",
        f"{escape(operation.get('summary', ''))}</summary>",
        f"<p>{_words(operation.get('description', ''))}</p>",
    ]
    if operation.get("parameters"):
        rows = "".join(
            f"<tr><td><code>{escape(each['name'])}</code><td>{each['in']}"
            f"<td>{_type(each.get('schema', {}))}<td>{_words(each.get('description', ''))}"
            for each in operation["parameters"]
        )
        parts.append(f"<table><tr><th>Parameter<th>In<th>Type<th>{rows}</table>")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        parts.append(f"<p>Body: {_type(body['schema'])}</p>")
    parts.append("<table><tr><th>Answer<th>Meaning<th>Body")
    for status, answer in sorted(operation["responses"].items()):
        types = [_type(each.get("schema", {})) for each in answer.get("content", {}).values()]
        parts.append(f"<tr><td>{status}<td>{_words(answer['description'])}<td>{', '.join(types)}")
    parts.append(f"</table><pre>{escape(_curl(document, path, verb, operation))}</pre></details>")
    return "".join(parts)


def _fields(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else ' (optional)'}"
        f"<td>{_type(field)}<td>{_words(field.get('description', ''))}"
        for name, field in schema.get("properties", {}).items()
    )
    values = ", ".join(f"<code>{escape(str(value))}</code>" for value in schema.get("enum", ()))
    return f"<p>{values}</p><table>{rows}</table>"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"<a href='#{escape(name)}'>{escape(name)}</a>"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "any"))


def _curl(document: Mapping[str, Any], path: str, verb: str, operation: Mapping[str, Any]) -> str:
    lines = [f"curl -X {verb.upper()} $RACKRATE_URL{path}"]
    if operation.get("security"):
        lines.append('  -H "Authorization: Bearer $RACKRATE_TOKEN"')
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        lines.append("  -H 'Content-Type: application/json'")
        name = body["schema"].get("$ref", "").rpartition("/")[2]
        schema = document["components"]["schemas"].get(name, {})
        shown = {
            field: (facts.get("examples") or ["…"])[0]
            for field, facts in schema.get("properties", {}).items()
            if field in schema.get("required", ())
        }
        lines.append(f"  -d '{json.dumps(shown, ensure_ascii=False)}'")
    return " \\\n".join(lines)


def _words(text: str) -> str:
    """Text with `code` and **strong** in it."""
    said = escape(text)
    for mark, tag in (("`", "code"), ("**", "b")):
        pieces = said.split(mark)
        said = "".join(
            f"<{tag}>{piece}</{tag}>" if i % 2 else piece for i, piece in enumerate(pieces)
        )
    return said
