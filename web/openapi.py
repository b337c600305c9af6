"""The REST API's description (OpenAPI 3.1), generated from `web.api`."""

from typing import Any

import msgspec

from web.api import ConsultationAnswer, Entry, NewConsultation
from web.problems import KINDS, Problem

_PARAMETER = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^con_[A-Za-z0-9_-]{22}$"},
}


def document(version: str, base: str) -> dict[str, Any]:
    """Return the document as plain JSON values. `base` is the address under which the caller reached us."""
    references, components = msgspec.json.schema_components(
        [NewConsultation, ConsultationAnswer, Entry, Problem], ref_template="#/components/schemas/{name}"
    )
    new, answer, entry, problem = references
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Visavis",
            "version": version,
            "description": "Plan, read and cancel video consultations. Keys are made by `visavis admin create-key`. "
            "Errors carry a sentence in the language of `Accept-Language` (fr, en).",
        },
        "servers": [{"url": base}],
        "security": [{"key": []}],
        "paths": {
            "/api/consultations": {
                "post": {
                    "operationId": "createConsultation",
                    "summary": "Plan a consultation, for now or for a time.",
                    "requestBody": {"required": True, "content": {"application/json": {"schema": new}}},
                    "responses": _responses(
                        problem,
                        {
                            "400": "bad_request",
                            "401": "key_needed",
                            "403": "not_allowed",
                            "409": "no_account",
                            "413": "too_large",
                            "415": "media_type",
                            "422": "bad_body",
                        },
                        ("201", "Planned.", answer),
                    ),
                }
            },
            **_one(answer, entry, problem),
        },
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _one(answer: dict[str, Any], entry: dict[str, Any], problem: dict[str, Any]) -> dict[str, Any]:
    """Return the paths of a single consultation."""
    errors = {"401": "key_needed", "404": "not_found"}
    late = {**errors, "409": "too_late"}
    return {
        "/api/consultations/{id}": {
            "parameters": [_PARAMETER],
            "get": {
                "operationId": "readConsultation",
                "summary": "Read a consultation.",
                "responses": _responses(problem, errors, ("200", "As it is now.", answer)),
            },
            "delete": {
                "operationId": "cancelConsultation",
                "summary": "Cancel a consultation; its invitation leads nowhere from then on.",
                "responses": _responses(problem, late, ("200", "Cancelled, now or before.", answer)),
            },
        },
        "/api/consultations/{id}/entry": {
            "parameters": [_PARAMETER],
            "post": {
                "operationId": "createEntry",
                "summary": "Make a link that logs the practitioner in, once and within ten minutes.",
                "responses": _responses(problem, late, ("201", "Made.", entry)),
            },
        },
    }


def _responses(
    problem: dict[str, Any], errors: dict[str, str], good: tuple[str, str, dict[str, Any]]
) -> dict[str, Any]:
    status, words, schema = good
    return {
        status: {"description": words, "content": {"application/json": {"schema": schema}}},
        **{
            error: {
                "description": KINDS[code].sentence,
                "content": {"application/problem+json": {"schema": problem}},
            }
            for error, code in errors.items()
        },
    }
