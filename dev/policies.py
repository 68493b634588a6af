"""What IAM policies allow, as far as this project's template goes.

moto compares actions and resources and leaves conditions out. This evaluates all three: an explicit denial wins, and
nothing is allowed that no statement allows. An operator or element that is not known here is an error, so that a
policy cannot be taken for stricter, or laxer, than it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Document = Mapping[str, Any]
Context = Mapping[str, str]

KNOWN = {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}


def allows(documents: Iterable[Document], action: str, resource: str, context: Context | None = None) -> bool:
    """Whether the policies of one principal together allow it to do `action` on `resource`."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _list(document["Statement"])
        if _applies(statement, action, resource, context or {})
    }
    return effects == {"Allow"}


def allows_service(document: Document, service: str, action: str, resource: str, context: Context | None = None) -> bool:
    """Whether the policy of a resource lets a service of AWS do `action`."""
    statements = _list(document["Statement"])
    meant = [one for one in statements if service in _list(one["Principal"].get("Service", []))]
    return allows([{"Statement": meant}], action, resource, context)


def _applies(statement: Document, action: str, resource: str, context: Context) -> bool:
    unknown = set(statement) - KNOWN
    if unknown:
        raise ValueError(f"not evaluated here: {sorted(unknown)} in {statement}")
    return (
        any(_like(pattern.lower(), action.lower()) for pattern in _list(statement["Action"]))
        and any(_like(pattern, resource) for pattern in _list(statement.get("Resource", resource)))
        and all(
            _holds(operator, key, _list(values), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _holds(operator: str, key: str, values: list[str], context: Context) -> bool:
    if operator not in OPERATORS:
        raise ValueError(f"the operator {operator} is not evaluated here")
    # Names of keys are compared without case; a key that the request does not have matches nothing.
    present = {name.lower(): value for name, value in context.items()}
    actual = present.get(key.lower())
    return actual is not None and any(OPERATORS[operator](value, actual) for value in values)


def _arn_like(pattern: str, arn: str) -> bool:
    """Part by part: a wildcard does not reach over a colon, but in the last part."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(_like, patterns, parts))


def _like(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": _like,
    "ArnEquals": _arn_like,  # the same as ArnLike, as IAM has it
    "ArnLike": _arn_like,
}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
