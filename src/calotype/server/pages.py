"""The reference as pages: self-contained, and nothing is asked of another host."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from starlette.types import Scope

import calotype.inputs  # noqa: F401 - its errors have pages too
from calotype.dialects.base import Dialect, Reply
from calotype.dialects.openapi import document_of
from calotype.errors import CalotypeError, UnknownPathError
from calotype.server.answer import Answer, answer_of
from calotype.server.endpoint import Plain
from calotype.server.services import Services

_STYLE = """
:root{color-scheme:light dark;--line:#8884}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.4 ui-monospace,monospace}pre{overflow:auto;padding:.75rem;border:1px solid var(--line);border-radius:6px}
section{border-top:1px solid var(--line);margin-top:2rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line)}
.verb{display:inline-block;min-width:4.5rem;font-weight:600}
""".strip()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def endpoints(services: Services) -> list[tuple[str, Plain]]:
    """Return the pages by path: one an API, one an error."""
    faces = services.parts.dialects
    by_id = {face.id: face for face in faces}
    documents = {face.id: document_of(face) for face in faces}

    async def index(scope: Scope, path: dict[str, str]) -> Answer:
        del scope, path
        return _page("Calotype", _index(faces))

    async def reference(scope: Scope, path: dict[str, str]) -> Answer:
        del scope
        name, _, form = path["face"].partition(".")
        if name not in by_id or form not in ("", "json"):
            raise UnknownPathError
        if form:
            return answer_of(Reply(200, documents[name]))
        return _page(by_id[name].title, _reference(documents[name], name))

    async def error(scope: Scope, path: dict[str, str]) -> Answer:
        del scope
        found = _errors().get(path["code"])
        if found is None:
            raise UnknownPathError
        return _page(found.code, _error(found, faces))

    return [
        ("/docs", Plain("docs.index", index)),
        ("/docs/{face}", Plain("docs.reference", reference)),
        ("/docs/errors/{code}", Plain("docs.error", error)),
    ]


def _page(title: str, body: str) -> Answer:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>'
    ).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"content-security-policy", _POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]
    return Answer(200, headers, text)


def _index(faces: Iterable[Dialect]) -> str:
    apis = "".join(_face(face) for face in faces)
    errors = "".join(
        f'<tr><td><a href="/docs/errors/{escape(code)}"><code>{escape(code)}</code></a></td>'
        f"<td>{escape(_first_line(error))}</td></tr>"
        for code, error in sorted(_errors().items())
    )
    return f"<h1>Calotype</h1>{apis}<h2>Errors</h2><table>{errors}</table>"


def _face(face: Dialect) -> str:
    """Return a face's heading and its operations, a line each, with a way to the whole reference."""
    place = f"/docs/{escape(face.id)}"
    rows = "".join(
        f"<tr><td><b>{escape(operation.method)}</b></td>"
        f'<td><a href="{place}#{escape(operation.name)}"><code>{escape(face.prefix + operation.path)}</code></a></td>'
        f"<td>{escape(operation.summary)}</td></tr>"
        for operation in face.operations
    )
    links = f'<a href="{place}">Reference</a> · <a href="{place}.json">OpenAPI 3.1</a>'
    return f"<h2>{escape(face.title)}</h2><p>{links}</p><table>{rows}</table>"


def _reference(document: Mapping[str, Any], name: str) -> str:
    info = document["info"]
    operations = [
        _operation(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [
        f'<h3 id="{escape(title)}">{escape(title)}</h3>{_code(schema)}'
        for title, schema in document["components"]["schemas"].items()
    ]
    return (
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}"
        f' <a href="/docs/{escape(name)}.json">OpenAPI 3.1</a></p>'
        f"{''.join(operations)}<section><h2>Schemas</h2>{''.join(schemas)}</section>"
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{escape(p['in'])}</td><td>{escape(p['description'])}</td></tr>"
        for p in operation["parameters"]
    )
    responses = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(response['description'])}</td><td>{_schema_link(response)}</td></tr>"
        for status, response in operation["responses"].items()
    )
    return (
        f'<section id="{escape(operation["operationId"])}"><h2>{escape(operation["summary"])}</h2>'
        f'<p><code><span class="verb">{escape(method.upper())}</span> {escape(path)}</code></p>'
        f"{_body(operation)}<table>{parameters}</table><h3>Answers</h3><table>{responses}</table></section>"
    )


def _body(operation: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return ""
    media = next(iter(content.values()))
    examples = "".join(_code(example["value"]) for example in media.get("examples", {}).values())
    return f"<p>Body: {escape(' or '.join(content))} {_schema_link({'content': content})}</p>{examples}"


def _schema_link(holder: Mapping[str, Any]) -> str:
    for media in holder.get("content", {}).values():
        name = media["schema"].get("$ref", "").rsplit("/", 1)[-1]
        if name:
            return f'<a href="#{escape(name)}">{escape(name)}</a>'
    return ""


def _error(error: type[CalotypeError], faces: Iterable[Dialect]) -> str:
    statuses = "".join(f"<li>{escape(face.title)}: {face.status_of(error)}</li>" for face in faces)
    retry = "The same request may succeed later." if error.is_retryable else "The same request will fail again."
    return (
        f"<h1><code>{escape(error.code)}</code></h1><h2>Cause</h2><p>{escape(_first_line(error))}</p>"
        f"<h2>Cure</h2><p>{escape(error.cure)}</p><p>{retry}</p><h2>HTTP status</h2><ul>{statuses}</ul>"
        '<p><a href="/docs">All errors</a></p>'
    )


def _errors() -> dict[str, type[CalotypeError]]:
    """Return every error by its code; where a family shares one, the eldest."""
    found: dict[str, type[CalotypeError]] = {}
    waiting: list[type[CalotypeError]] = [CalotypeError]
    while waiting:
        error = waiting.pop(0)
        found.setdefault(error.code, error)
        waiting += error.__subclasses__()
    return found


def _first_line(error: type[CalotypeError]) -> str:
    return (error.__doc__ or error.code).strip().splitlines()[0]


def _code(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
