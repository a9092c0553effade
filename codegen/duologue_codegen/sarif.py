"""Findings as SARIF 2.1.0, which code hosts and editors read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from .diagnostics import Diagnostic, Position

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(
    diagnostics: Iterable[Diagnostic], purposes: Mapping[str, str], version: str
) -> str:
    """All findings as one SARIF log. `purposes` tells of each rule what it is for."""
    findings = list(diagnostics)
    rules = sorted({each.rule for each in findings})
    driver = {
        "name": "duologue",
        "version": version,
        "rules": [
            {"id": rule, "shortDescription": {"text": purposes.get(rule, rule)}} for rule in rules
        ],
    }
    results = [_result(each, rules.index(each.rule)) for each in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _result(finding: Diagnostic, rule: int) -> dict[str, Any]:
    text = f"{finding.message}; {finding.hint}" if finding.hint else finding.message
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": finding.level,
        "message": {"text": text},
        "locations": [{"physicalLocation": _place(finding.at)}],
    }
    if finding.related is not None:
        result["relatedLocations"] = [
            {
                "id": 0,
                "physicalLocation": _place(finding.related.at),
                "message": {"text": finding.related.label},
            }
        ]
    return result


def _place(at: Position) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": _uri(at.file)},
        "region": {
            "startLine": at.line,
            "startColumn": at.column,
            "endColumn": at.column + at.length,
        },
    }


def _uri(file: str) -> str:

    return quote(file, safe="/")
