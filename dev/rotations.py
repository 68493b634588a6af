"""RotateSecret as AWS runs it: in the background, step by step, retried with the same token.

A function is found by its name at the stack's control endpoint (`STACK_URL`). How AWS behaves in some places is not
documented, or may be one of two; settings choose, from the environment or by `POST /rotations/settings`, where
`{"secret": ARN, ...}` sets them for one secret only:

attempts     ROTATION_ATTEMPTS     how often a failing rotation is tried in all (3)
retry_delay  ROTATION_RETRY_DELAY  seconds between two tries (1)
end_state    ROTATION_END_STATE    AWSPENDING after a rotation: `removed` (default) or `beside-current`
test_value   ROTATION_TEST_VALUE   the version that RotateImmediately=false tests: `copy` (default) of the current
                                   value, or `empty`
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs

from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    SecretsManagerClientError,
)
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

from labels import LOCK, holder, own_secret

STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
STACK_URL = os.environ.get("STACK_URL", "")
INVOCATION_SECONDS = 900

DEFAULTS: dict[str, Any] = {
    "attempts": int(os.environ.get("ROTATION_ATTEMPTS", "3")),
    "retry_delay": float(os.environ.get("ROTATION_RETRY_DELAY", "1")),
    "end_state": os.environ.get("ROTATION_END_STATE", "removed"),
    "test_value": os.environ.get("ROTATION_TEST_VALUE", "copy"),
}
CHOICES = {"end_state": ("removed", "beside-current"), "test_value": ("copy", "empty")}
overrides: dict[str, dict[str, Any]] = defaultdict(dict)
function_locks: dict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass
class Rotation:
    """One rotation, or one test of the configuration, of one secret."""

    secret: str
    token: str
    test: bool
    state: str = "running"  # running, succeeded, failed, abandoned
    rotation_token: str = field(default_factory=lambda: f"{uuid.uuid4()}-{secrets.token_hex(32)}")
    rotation_token_used: bool = False
    attempts: int = 0
    steps: list[dict[str, Any]] = field(default_factory=list)


history: dict[str, list[Rotation]] = defaultdict(list)
changed = threading.Condition(LOCK)


def setting(secret: str, name: str) -> Any:
    return overrides[secret].get(name, DEFAULTS[name])


class AccessDeniedException(SecretsManagerClientError):
    def __init__(self, message: str):
        super().__init__("AccessDeniedException", message)


# The calls


def rotate_secret(
    self: SecretsManagerBackend,
    secret_id: str,
    client_request_token: str | None = None,
    rotation_lambda_arn: str | None = None,
    rotation_rules: dict[str, Any] | None = None,
    rotate_immediately: bool = True,
) -> str:
    with LOCK:
        secret = own_secret(self, secret_id)
        function = rotation_lambda_arn or secret.rotation_lambda_arn
        if not function:
            raise InvalidRequestException("No Lambda rotation function ARN is associated with this secret.")
        if function_url(function) is None:
            raise AccessDeniedException(
                "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy "
                "grants access to the principal secretsmanager.amazonaws.com."
            )
        check_rules(rotation_rules)
        configure(secret, function, rotation_rules)
        current, pending = holder(secret, "AWSCURRENT"), holder(secret, "AWSPENDING")
        if current is None:
            raise InvalidRequestException("You can't rotate a secret that has no value.")
        if pending and pending != current:
            if not running(secret.arn):
                start(self, secret, pending, test=False)
            raise InvalidRequestException("A previous rotation isn't complete. That rotation will be reattempted.")
        token = self._from_client_request_token(client_request_token)
        if token not in secret.versions:
            add_pending(secret, current, pending, token, test=not rotate_immediately)
            start(self, secret, token, test=not rotate_immediately)
        return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": token})


def check_rules(rules: dict[str, Any] | None) -> None:
    days = (rules or {}).get("AutomaticallyAfterDays")
    if days is not None and "ScheduleExpression" in (rules or {}):
        raise InvalidParameterException("You can't specify both AutomaticallyAfterDays and ScheduleExpression.")
    if days is not None and not 1 <= days <= 1000:
        raise InvalidParameterException("RotationRules.AutomaticallyAfterDays must be within 1-1000.")


def configure(secret: FakeSecret, function: str, rules: dict[str, Any] | None) -> None:
    secret.rotation_requested = True
    secret.rotation_enabled = True
    secret.rotation_lambda_arn = function
    if rules:
        secret.rotation_rules = rules
    days = getattr(secret, "rotation_rules", {}).get("AutomaticallyAfterDays")
    if days:
        secret.auto_rotate_after_days = days
        secret.next_rotation_date = int(time.time()) + days * 86400


def add_pending(secret: FakeSecret, current: str, pending: str | None, token: str, test: bool) -> None:
    """The version exists before createSecret, with the label and without a value."""
    if pending:
        secret.versions[pending]["version_stages"].remove("AWSPENDING")
    version = {"createdate": time.time(), "version_id": token, "version_stages": ["AWSPENDING"]}
    if test and setting(secret.arn, "test_value") == "copy":
        value = secret.versions[current]
        version |= {key: value[key] for key in ("secret_string", "secret_binary") if key in value}
    secret.versions[token] = version


def cancel_rotate_secret(self: SecretsManagerBackend, secret_id: str) -> str:
    answer = moto_cancel_rotate_secret(self, secret_id)
    with LOCK:
        rotation = running(self.secrets[secret_id].arn)
        if rotation:
            rotation.state = "abandoned"
            changed.notify_all()
    return answer


moto_cancel_rotate_secret = SecretsManagerBackend.cancel_rotate_secret


def check_rotation_token(secret: str, version_id: str, given: str | None) -> None:
    """PutSecretValue's RotationToken: optional, but a wrong one is refused."""
    if given is None:
        return
    rotation = next((r for r in reversed(history[secret]) if r.token == version_id), None)
    if not re.fullmatch(r"[a-zA-Z0-9-]{36,256}", given) or (rotation and given != rotation.rotation_token):
        raise InvalidParameterException("The RotationToken is not valid.")
    if rotation:
        rotation.rotation_token_used = True


# The background


def running(secret: str) -> Rotation | None:
    last = history[secret][-1] if history[secret] else None
    return last if last and last.state == "running" else None


def start(backend: SecretsManagerBackend, secret: FakeSecret, token: str, test: bool) -> None:
    rotation = Rotation(secret.arn, token, test)
    history[secret.arn].append(rotation)
    threading.Thread(target=run, args=(backend, secret, rotation), daemon=True).start()


def run(backend: SecretsManagerBackend, secret: FakeSecret, rotation: Rotation) -> None:
    tries = 1 if rotation.test else setting(secret.arn, "attempts")
    state = "failed"
    try:
        while state == "failed" and rotation.attempts < tries and rotation.state == "running":
            if rotation.attempts:
                time.sleep(setting(secret.arn, "retry_delay"))
            rotation.attempts += 1
            state = attempt(backend, secret, rotation)
    finally:
        with LOCK:
            if rotation.state == "running":
                rotation.state = finish(secret, rotation, state)
            changed.notify_all()


def attempt(backend: SecretsManagerBackend, secret: FakeSecret, rotation: Rotation) -> str:
    for step in ["testSecret"] if rotation.test else STEPS:
        with LOCK:
            stages = secret.versions.get(rotation.token, {}).get("version_stages", [])
            deleted = secret.is_deleted() or secret.arn not in backend.secrets
            if deleted or rotation.state != "running" or not {"AWSPENDING", "AWSCURRENT"} & set(stages):
                return "abandoned"
        begun = time.monotonic()
        error = invoke(secret, rotation, step)
        entry = {
            "secret": secret.arn,
            "token": rotation.token,
            "attempt": rotation.attempts,
            "step": step,
            "status": "failed" if error else "ok",
            "error": error,
            "seconds": round(time.monotonic() - begun, 3),
        }
        print(json.dumps(entry), flush=True)
        with LOCK:
            rotation.steps.append(entry)
            changed.notify_all()
        if error:
            return "failed"
    return "succeeded"


def finish(secret: FakeSecret, rotation: Rotation, state: str) -> str:
    """The labels at the end; a rotation whose steps went well but that did not move AWSCURRENT has failed."""
    version = secret.versions.get(rotation.token, {"version_stages": []})
    stages = version["version_stages"]
    if rotation.test:
        secret.versions.pop(rotation.token, None)
        return state
    if state != "succeeded":
        return state
    if "AWSCURRENT" not in stages:
        return "failed"
    secret.last_rotation_date = int(time.time())
    if setting(secret.arn, "end_state") == "removed":
        version["version_stages"] = [stage for stage in stages if stage != "AWSPENDING"]
    elif "AWSPENDING" not in stages:
        stages.append("AWSPENDING")
    return state


def function_url(arn: str) -> str | None:
    name = arn.split(":")[6] if arn.count(":") >= 6 else arn
    try:
        with urllib.request.urlopen(f"{STACK_URL}/functions/{name}", timeout=10) as answer:
            return json.load(answer)["url"]
    except (urllib.error.URLError, ValueError):
        return None


def invoke(secret: FakeSecret, rotation: Rotation, step: str) -> dict[str, Any] | None:
    """Invokes the function; the error that it answered, or None."""
    event = {
        "Step": step,
        "SecretId": secret.arn,
        "ClientRequestToken": rotation.token,
        "RotationToken": rotation.rotation_token,
    }
    url = function_url(secret.rotation_lambda_arn)
    if url is None:
        return {"errorType": "Stack.NoFunction", "errorMessage": f"{secret.rotation_lambda_arn} is not registered"}
    request = urllib.request.Request(url, json.dumps(event).encode(), {"Content-Type": "application/json"})
    # The emulator has one sandbox and refuses a second invocation meanwhile.
    with function_locks[url]:
        try:
            with urllib.request.urlopen(request, timeout=INVOCATION_SECONDS) as response:
                status, body = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        except OSError as error:
            return {"errorType": "Stack.Unreachable", "errorMessage": str(error)}
    try:
        answer = json.loads(body)
    except ValueError:
        return {"errorType": "Stack.NotJson", "errorMessage": body.decode(errors="replace")}
    if isinstance(answer, dict) and "errorType" in answer:
        return answer
    return None if status == 200 else {"errorType": f"Stack.Status{status}", "errorMessage": body.decode()}


# The routes


def with_routes(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def routed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/rotations"):
            return application(environ, start_response)
        query = {key: values[-1] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        try:
            if path == "/rotations/settings" and environ["REQUEST_METHOD"] == "POST":
                size = int(environ.get("CONTENT_LENGTH") or 0)
                status, answer = "200 OK", change_settings(json.loads(environ["wsgi.input"].read(size) or b"{}"))
            else:
                status, answer = "200 OK", show(query.get("secret"), float(query.get("wait", 0)))
        except ValueError as error:
            status, answer = "400 Bad Request", {"error": str(error)}
        body = json.dumps(answer).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return routed


def change_settings(wanted: dict[str, Any]) -> dict[str, Any]:
    secret = wanted.pop("secret", None)
    for name, value in wanted.items():
        if name not in DEFAULTS or value not in CHOICES.get(name, (value,)):
            raise ValueError(f"no such setting: {name}={value}")
    target = overrides[secret] if secret else DEFAULTS
    target |= wanted
    return DEFAULTS | (overrides[secret] if secret else {})


def show(secret: str | None, wait: float) -> dict[str, Any]:
    """The steps in order; with `wait`, not before the secret's rotation has ended or that many seconds passed."""
    with changed:
        if secret:
            changed.wait_for(lambda: not running(secret), timeout=wait)
        chosen = [history[secret]] if secret else list(history.values())
        rotations = [rotation for one in chosen for rotation in one]
        return {
            "state": rotations[-1].state if rotations else "none",
            "finished": all(rotation.state != "running" for rotation in rotations),
            "steps": [step for rotation in rotations for step in rotation.steps],
            "rotations": [{k: v for k, v in asdict(r).items() if k not in ("rotation_token", "steps")} for r in rotations],
        }


def install() -> None:
    SecretsManagerBackend.rotate_secret = rotate_secret
    SecretsManagerBackend.cancel_rotate_secret = cancel_rotate_secret
