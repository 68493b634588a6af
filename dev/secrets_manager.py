"""AWS Secrets Manager on a loopback port: moto with AWS's behavior where the two differ.

usage: secrets_manager.py PORT

moto's RDS, IAM, STS and CloudFormation are served on the same port. Here are the staging labels and the versions;
`rotations.py` has RotateSecret, `iam.py` who may call what, `stacks.py` what CloudFormation does besides.
"""

from __future__ import annotations

import gc
import io
import json
import secrets
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi import build_environ
from moto.core import responses
from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceExistsException,
    SecretNotFoundException,
)
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend
from moto.secretsmanager.responses import SecretsManagerResponse

import iam
import rotations
import stacks
from labels import LOCK, abandon_rotation, holder, move_label, own_secret

# Staging labels


def reset_default_version(self: FakeSecret, version: dict[str, Any], version_id: str) -> None:
    with LOCK:
        stages, version["version_stages"] = version["version_stages"], []
        self.versions[version_id] = version
        abandon_rotation(self)
        for label in stages:
            move_label(self, label, version_id)


def update_secret_version_stage(
    self: SecretsManagerBackend, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
) -> tuple[str, str]:
    with LOCK:
        secret = own_secret(self, secret_id)
        attached = holder(secret, version_stage)
        for version in (remove_from_version_id, move_to_version_id):
            if version and version not in secret.versions:
                raise InvalidParameterException(f"Not a valid version: {version}")
        if not remove_from_version_id and not move_to_version_id:
            raise InvalidParameterException("You must specify MoveToVersionId, RemoveFromVersionId, or both.")
        if remove_from_version_id and attached != remove_from_version_id:
            raise InvalidParameterException(
                f"The parameter RemoveFromVersionId is not correct: staging label {version_stage} is currently "
                f"attached to version {attached}."
                if attached
                else f"Version stage {version_stage} not found in version {remove_from_version_id}"
            )
        if move_to_version_id and attached not in (None, remove_from_version_id, move_to_version_id):
            raise InvalidParameterException(
                f"The parameter RemoveFromVersionId can't be empty. Staging label {version_stage} is currently attached "
                f"to version {attached}, so you must explicitly reference that version in RemoveFromVersionId."
            )
        if move_to_version_id:
            move_label(secret, version_stage, move_to_version_id)
        elif version_stage == "AWSCURRENT":
            raise InvalidParameterException(
                "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
            )
        else:
            secret.versions[remove_from_version_id]["version_stages"].remove(version_stage)
        return secret.arn, secret.name


# Versions


def put_secret_value(
    self: SecretsManagerBackend,
    secret_id: str,
    secret_string: str,
    secret_binary: str,
    client_request_token: str,
    version_stages: list[str],
    rotation_token: str | None = None,
) -> str:
    with LOCK:
        secret = own_secret(self, secret_id)
        version_id = self._from_client_request_token(client_request_token)
        rotations.check_rotation_token(secret.arn, version_id, rotation_token)
        value = {k: v for k, v in (("secret_string", secret_string), ("secret_binary", secret_binary)) if v is not None}
        known = secret.versions.get(version_id, {})
        before = {k: known[k] for k in ("secret_string", "secret_binary") if k in known}
        if before and before != value:
            raise ResourceExistsException(
                f"You can't use ClientRequestToken {version_id} because that value is already in use for a version "
                f"of secret {secret.arn}."
            )
        if not before:
            labels = set(version_stages) if secret.versions else {*version_stages, "AWSCURRENT"}
            secret.versions[version_id] = {
                "createdate": time.time(),
                "version_id": version_id,
                "version_stages": known.get("version_stages", []),
                **value,
            }
            if "AWSCURRENT" in labels:
                abandon_rotation(secret)
            for label in sorted(labels):
                move_label(secret, label, version_id)
            secret.last_changed_date = time.time()
        return secret.to_short_dict(include_version_stages=True, version_id=version_id)


def put_secret_value_request(self: SecretsManagerResponse) -> str:
    string, binary = self._get_param("SecretString"), self._get_param("SecretBinary")
    if not string and not binary:
        raise InvalidRequestException("You must provide either SecretString or SecretBinary.")
    return put_secret_value(
        self.backend,
        self._get_param("SecretId", if_none=""),
        string,
        binary,
        self._get_param("ClientRequestToken"),
        self._get_param("VersionStages", if_none=["AWSCURRENT"]),
        self._get_param("RotationToken"),
    )


def list_secret_version_ids_request(self: SecretsManagerResponse) -> str:
    with LOCK:
        secret_id = self._get_param("SecretId", if_none="")
        if secret_id not in self.backend.secrets:
            raise SecretNotFoundException()
        secret = self.backend.secrets[secret_id]
        with_deprecated = self._get_bool_param("IncludeDeprecated", False)
        first = int(self._get_param("NextToken") or 0)
        count = int(self._get_param("MaxResults") or 100)
        versions = []
        for version_id, version in secret.versions.items():
            entry = {"VersionId": version_id, "CreatedDate": version["createdate"], "KmsKeyIds": ["DefaultEncryptionKey"]}
            if version["version_stages"]:
                versions.append({**entry, "VersionStages": version["version_stages"]})
            elif with_deprecated:
                versions.append(entry)
        answer: dict[str, Any] = {"ARN": secret.arn, "Name": secret.name, "Versions": versions[first : first + count]}
        if first + count < len(versions):
            answer["NextToken"] = str(first + count)
        return json.dumps(answer)


moto_to_dict = FakeSecret.to_dict


def to_dict(self: FakeSecret) -> dict[str, Any]:
    """DescribeSecret: versions without a label are not shown, and a field without a value is left out."""
    with LOCK:
        answer = moto_to_dict(self)
        shown = {id: list(v["version_stages"]) for id, v in self.versions.items() if v["version_stages"]}
    answer |= {"VersionIdsToStages": shown, "SecretVersionsToStages": shown} if self.versions else {}
    if "RotationRules" in answer:
        answer["RotationRules"] = getattr(self, "rotation_rules", {})
    return {key: value for key, value in answer.items() if value is not None and value != ""}


def install_versions() -> None:
    # moto keeps which version is current a second time; here the label says it.
    FakeSecret.default_version_id = property(lambda self: holder(self, "AWSCURRENT"))
    FakeSecret.set_default_version_id = lambda self, version_id: None
    FakeSecret.reset_default_version = reset_default_version
    FakeSecret.to_dict = to_dict
    SecretsManagerBackend.update_secret_version_stage = update_secret_version_stage
    SecretsManagerResponse.put_secret_value = put_secret_value_request
    SecretsManagerResponse.list_secret_version_ids = list_secret_version_ids_request


# Threads of its own, since who waits for the end of a rotation keeps one.
in_a_thread = WSGIMiddleware(rotations.with_routes(DomainDispatcherApplication(create_backend_app)), workers=64)


async def application(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Calls of Secrets Manager are answered in the loop: a thread and Flask for each take longer than moto itself."""
    target = dict(scope["headers"]).get(b"x-amz-target", b"").decode()
    # In one write, so that the lines of threads do not mix.
    print(f"{scope['path']} {target}\n", end="", flush=True)
    service, _, action = target.partition(".")
    if service != "secretsmanager" or action == "RotateSecret":  # it asks the stack for the function
        return await in_a_thread(scope, receive, send)
    body, more = io.BytesIO(), True
    while more:
        part = await receive()
        body.write(part.get("body", b""))
        more = part.get("more_body", False)
    body.seek(0)
    request = Request(build_environ(scope, body))
    status, headers, answer = SecretsManagerResponse.dispatch(request, request.raw_url, dict(request.headers))
    content = answer.encode()
    headers["content-length"] = str(len(content))  # tests that change an answer on its way go by it
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})


def request_id(headers: dict[str, str]) -> str:
    """moto draws each letter by itself, which takes longer than many a call."""
    headers["x-amzn-requestid"] = secrets.token_hex(26)
    return headers["x-amzn-requestid"]


def main(port: int) -> None:
    install_versions()
    iam.install()
    rotations.install()
    stacks.install()
    responses.method_names_from_class = cache(responses.method_names_from_class)  # asked with each call
    responses.camelcase_to_underscores = cache(responses.camelcase_to_underscores)
    responses.gen_amzn_requestid_long = request_id
    quiet = {"lifespan": "off", "access_log": False, "log_level": "warning"}
    uvicorn.run(application, host="127.0.0.1", port=port, timeout_keep_alive=600, **quiet)


if __name__ == "__main__":
    threading.stack_size(1 << 20)
    gc.freeze()  # what was loaded stays
    main(int(sys.argv[1]))
