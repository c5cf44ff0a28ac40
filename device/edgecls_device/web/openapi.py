"""The OpenAPI description of every route, written by hand."""

from typing import Any

from aiohttp import web

from edgecls_device.web.middlewares import json_answer

__all__ = ["DESCRIPTION", "description_handler"]

Schema = dict[str, Any]


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: str, **properties: Schema) -> Schema:
    """Return the schema of an object; ``required`` lists names, separated by spaces."""
    return {"type": "object", "properties": properties, "required": required.split()}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _json(text: str, schema: Schema) -> Schema:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


def _error(text: str) -> Schema:
    return _json(text, _ref("Error"))


def _file(text: str, content_type: str) -> Schema:
    return {"description": text, "content": {content_type: {}}}


TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
YES_NO: Schema = {"type": "boolean"}
SCORE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
BY_NAME: Schema = {"type": "object", "additionalProperties": COUNT}
NO_TOKEN: list[Schema] = [{}]


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


SCHEMAS: Schema = {
    "Error": _object("error hint", error=TEXT, hint={**TEXT, "description": "The next action."}),
    "Health": _object(
        "state reasons",
        state=_ref("State"),
        reasons=_list({**TEXT, "description": "What is wrong, a sentence."}),
    ),
    "State": {
        "type": "string",
        "enum": ["starting", "ready", "degraded", "source_lost", "stopping"],
    },
    "ScoredLabel": _object("label score class_id", label=TEXT, score=SCORE, class_id=COUNT),
    "Prediction": _object(
        "width height label score class_id is_unknown top preprocess_ms inference_ms",
        width=COUNT,
        height=COUNT,
        label={**TEXT, "description": "The best label, or unknown."},
        score=SCORE,
        class_id=COUNT,
        is_unknown=YES_NO,
        top=_list(_ref("ScoredLabel"), description="The best five, best first."),
        preprocess_ms=NUMBER,
        inference_ms=NUMBER,
    ),
    "Event": _object(
        "id change label source start end duration_s peak_score frames ended_by",
        id={**TEXT, "description": "The same for entered and left of one stay."},
        change={"type": "string", "enum": ["entered", "left"]},
        label=TEXT,
        source=TEXT,
        start={**NUMBER, "description": "Seconds since 1970."},
        end=_or_null({**NUMBER, "description": "Seconds since 1970."}),
        duration_s=NUMBER,
        peak_score=SCORE,
        frames=COUNT,
        ended_by={"type": "string", "enum": ["", "gone", "source_lost", "stopped"]},
    ),
    "Decision": _object(
        "label score is_unknown held_s",
        label=TEXT,
        score=SCORE,
        is_unknown=YES_NO,
        held_s=NUMBER,
    ),
    "Sink": _object(
        "name given written dropped failed waiting last_error is_failing",
        name=TEXT,
        given=COUNT,
        written=COUNT,
        dropped=COUNT,
        failed=COUNT,
        waiting=COUNT,
        last_error=TEXT,
        is_failing=YES_NO,
    ),
    "SourceStatus": _object(
        "state trouble reconnects is_stale",
        state={"type": "string", "enum": ["delivering", "lost", "ended"]},
        trouble=TEXT,
        reconnects=COUNT,
        is_stale=YES_NO,
    ),
    "Web": _object(
        "viewers sent dropped evicted problems",
        viewers={**COUNT, "description": "Open pages."},
        sent={**COUNT, "description": "Pictures sent."},
        dropped={**COUNT, "description": "Pictures that a viewer missed."},
        evicted={**COUNT, "description": "Viewers that did not read for ten seconds."},
        problems=BY_NAME,
    ),
    "Status": _object(
        "kind version state reasons is_live is_ready uptime_s source description source_status captured "
        "results still dropped events frames_per_second age_p50_ms age_p99_ms classify_p50_ms "
        "last_result_s decision sinks web",
        kind={"type": "string", "const": "edgecls.status"},
        version={"type": "integer"},
        state=_ref("State"),
        reasons=_list(TEXT),
        is_live=YES_NO,
        is_ready=YES_NO,
        uptime_s=NUMBER,
        source=TEXT,
        description=TEXT,
        source_status=_ref("SourceStatus"),
        captured=COUNT,
        results=COUNT,
        still=COUNT,
        dropped={**BY_NAME, "description": "Frames without a result, by reason."},
        events=COUNT,
        frames_per_second=NUMBER,
        age_p50_ms=NUMBER,
        age_p99_ms=NUMBER,
        classify_p50_ms=NUMBER,
        last_result_s=_or_null(NUMBER),
        decision=_or_null(_ref("Decision")),
        sinks=_list(_ref("Sink")),
        web=_ref("Web"),
    ),
    "Events": _object("events", events=_list(_ref("Event"), maxItems=50)),
    "Saved": _object(
        "label path count is_new",
        label=TEXT,
        path={**TEXT, "description": "Below the directory of --collect."},
        count={**COUNT, "description": "Photos of that label now."},
        is_new={**YES_NO, "description": "False if a photo saved before shows the same."},
    ),
}

_PHOTO: Schema = {"type": "string", "format": "binary"}
_UNSAFE = {
    "401": _error("A token is needed, or it is wrong."),
    "403": _error("The request comes from a page of another site."),
}


def _get(summary: str, ok: Schema, **more: Any) -> Schema:
    responses = {"200": ok, **more.pop("responses", {})}
    if "security" not in more:
        responses["401"] = _UNSAFE["401"]
    return {"get": {"summary": summary, "responses": responses, **more}}


PATHS: Schema = {
    "/": _get("The live page", _file("HTML", "text/html"), security=NO_TOKEN),
    "/{file}": _get(
        "Scripts and styles of the page",
        _file("The file.", "*/*"),
        security=NO_TOKEN,
        parameters=[
            {
                "name": "file",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "examples": ["page.js", "page.css"]},
            }
        ],
    ),
    "/ws": {
        "get": {
            "summary": "Pictures, results, status and events over a WebSocket",
            "description": (
                "JSON text messages have a type: hello, result, status, event, saved or error. A binary "
                'message is the JPEG of the result before it. The client sends {"type":"next"} for each '
                'picture, and {"type":"save","label":"cat"}.'
            ),
            "responses": {
                "101": {"description": "The WebSocket is open."},
                "426": _error("It is no WebSocket request."),
                "503": _error("Sixteen pages are open already."),
                **_UNSAFE,
            },
        }
    },
    "/live": _get(
        "Whether the program works; if not, restart it",
        _json("It does.", _ref("Health")),
        responses={"503": _json("The loop hangs.", _ref("Health"))},
        security=NO_TOKEN,
    ),
    "/ready": _get(
        "Whether results leave the pipeline",
        _json("They do.", _ref("Health")),
        responses={"503": _json("They do not; the reasons say why.", _ref("Health"))},
        security=NO_TOKEN,
    ),
    "/status": _get("All there is to say about the run", _json("The status.", _ref("Status"))),
    "/events": _get("The last 200 events, newest last", _json("The events.", _ref("Events"))),
    "/metrics": _get(
        "Metrics for Prometheus",
        {
            "description": "The text format of Prometheus.",
            "content": {"text/plain": {"schema": TEXT}},
        },
    ),
    "/snapshot.jpg": _get(
        "The newest picture, at most 960 pixels wide",
        _file("The picture.", "image/jpeg"),
        responses={"503": _error("There is none, or it is older than ten seconds.")},
    ),
    "/openapi.json": _get("This description", _file("OpenAPI 3.1.", "application/json")),
    "/session": {
        "post": {
            "summary": "Exchange the token for a cookie",
            "security": NO_TOKEN,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _object("token", token=TEXT)}},
            },
            "responses": {
                "204": {
                    "description": "The cookie, which scripts cannot read.",
                    "headers": {"Set-Cookie": {"schema": TEXT}},
                },
                "400": _error("It is not such JSON."),
                "401": _error("The token is wrong."),
                "403": _UNSAFE["403"],
                "415": _error("It is no JSON."),
                "429": _error("Ten tokens were wrong within a minute."),
            },
        }
    },
    "/classify": {
        "post": {
            "summary": "Say what a photo shows",
            "description": "JPEG, PNG, WebP or BMP of at most 20 MB and 50 million pixels.",
            "requestBody": {
                "required": True,
                "content": {
                    "image/*": {"schema": _PHOTO},
                    "application/octet-stream": {"schema": _PHOTO},
                    "multipart/form-data": {"schema": _object("photo", photo=_PHOTO)},
                },
            },
            "responses": {
                "200": _json("What it shows.", _ref("Prediction")),
                "400": _error("The photo is damaged, or the form has none."),
                "408": _error("It did not arrive within 30 seconds."),
                "413": _error("It has more than 20 MB or 50 million pixels."),
                "415": _error("It is no photo."),
                "429": _error("Other photos wait already."),
                **_UNSAFE,
            },
        }
    },
    "/save": {
        "post": {
            "summary": "Save the newest picture under a label, where --collect is given",
            "description": "Needs Content-Type: application/json or a header X-Requested-With.",
            "parameters": [{"name": "label", "in": "query", "required": True, "schema": TEXT}],
            "responses": {
                "200": _json("It is saved.", _ref("Saved")),
                "400": _error("The label is none."),
                "415": _error("Neither the content type nor the header is there."),
                "503": _error("There is no picture yet."),
                "507": _error(
                    "It cannot be written: the disk is full, or what is allowed is used up."
                ),
                **_UNSAFE,
            },
        }
    },
}

DESCRIPTION: Schema = {
    "openapi": "3.1.0",
    "info": {
        "title": "edgecls",
        "version": "1",
        "summary": "What a camera sees, live, and how the run is.",
        "description": (
            "Any request may also be answered with 421 if the Host header is not one of this server, and "
            "with 500 for a fault of the server. Errors are JSON: what is wrong, and the next action."
        ),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "servers": [{"url": "/"}],
    "security": [{"bearer": []}, {"cookie": []}, {}],
    "paths": PATHS,
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "edgecls_8080"},
        },
    },
}


async def description_handler(request: web.Request) -> web.StreamResponse:
    """Give the description."""
    del request
    return json_answer(DESCRIPTION)
