#!/usr/bin/env python3
"""Has the function show its plan on emulators of AWS, as docs/emulators.md says.

    python3 dev/stack.py run --with mysql -- python dev/emulators.py PROGRAM [EMULATOR ...]

No emulator runs the steps of a rotation as Secrets Manager does. What works on each: store a copy of the current value
as AWSPENDING, and invoke `testSecret`. That is the preflight; it changes nothing and writes the plan.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pymysql

import package
import packages
from processes import free_port, is_listening, start, stop, wait_until

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-central-1"
SECONDS = 60
USER = "emulated"

Invoke = Callable[[dict[str, str]], tuple[dict[str, Any] | None, str]]


def main(program: Path, names: list[str]) -> int:
    for name in names or EMULATORS:
        print(f"{name}")
        with tempfile.TemporaryDirectory() as folder:
            with_emulator(name, program, Path(folder))
    return 0


def with_emulator(name: str, program: Path, folder: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command, variables, deploy = EMULATORS[name]
    environment = {**os.environ, "AWS_ENDPOINT_URL": url, **{key: value.format(port=port) for key, value in variables.items()}}
    process = start([part.format(port=port) for part in command], folder / "log", environment)
    try:
        wait_until(lambda: is_listening(port), SECONDS, process)
        user = database_user()
        try:
            superuser_arn, secret_arn = secrets_at(url, user)
            invoke = deploy(url, program, folder, superuser_arn)
            show(url, secret_arn, invoke)
        finally:
            database_user(drop=True)
    finally:
        stop(process, signal.SIGTERM, 5)


def client(url: str, service: str) -> Any:
    return boto3.client(service, endpoint_url=url, region_name=REGION)


# The database and the secrets


def login() -> dict[str, Any]:
    parts = urllib.parse.urlsplit(os.environ["MYSQL_URL"])
    return {"host": parts.hostname, "port": parts.port or 3306, "username": parts.username, "password": urllib.parse.unquote(parts.password or "")}


def database_user(drop: bool = False) -> dict[str, Any]:
    """A user with a grant; gives its login."""
    root, password = login(), secrets.token_hex(16)
    tls = {"ca": os.environ["MYSQL_CA_FILE"]} if os.environ["MYSQL_CA_FILE"] else None
    connection = pymysql.connect(host=root["host"], port=root["port"], user=root["username"], password=root["password"], ssl=tls)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"DROP USER IF EXISTS {USER}")
        if not drop:
            cursor.execute(f"CREATE USER {USER} IDENTIFIED BY %s", (password,))
            cursor.execute(f"GRANT SELECT ON *.* TO {USER}")
    return {**root, "username": USER, "password": password}


def secrets_at(url: str, user: dict[str, Any]) -> tuple[str, str]:
    manager = client(url, "secretsmanager")
    ssl = {} if os.environ["MYSQL_CA_FILE"] else {"ssl": False}
    arns = []
    for name, document in (("superuser", login()), ("app/user", user)):
        text = json.dumps({"engine": "mysql", **document, **ssl})
        arns.append(manager.create_secret(Name=name, SecretString=text)["ARN"])
    return arns[0], arns[1]


# The recipe


def show(url: str, secret: str, invoke: Invoke) -> None:
    """Stores a copy of the current value as AWSPENDING, and has the function test it."""
    manager = client(url, "secretsmanager")
    before = manager.describe_secret(SecretId=secret)["VersionIdsToStages"]
    current = manager.get_secret_value(SecretId=secret)["SecretString"]
    token = str(uuid.uuid4())
    manager.put_secret_value(SecretId=secret, ClientRequestToken=token, SecretString=current, VersionStages=["AWSPENDING"])
    error, log = invoke({"Step": "testSecret", "SecretId": secret, "ClientRequestToken": token})
    if error:
        raise SystemExit(f"the function failed: {error}\n{log}")
    summary = next(line for line in map(parsed, log.splitlines()) if line and line.get("plan") is not None)
    print(f"  {summary['message']}")
    for statement in summary["plan"]:
        print(f"  > {statement}")
    manager.update_secret_version_stage(SecretId=secret, VersionStage="AWSPENDING", RemoveFromVersionId=token)
    now = {v: labels for v, labels in manager.describe_secret(SecretId=secret)["VersionIdsToStages"].items() if labels}
    if now != before:
        raise SystemExit(f"the labels were {before} and are {now}")
    if not any("CREATE USER" in statement for statement in summary["plan"]):
        raise SystemExit("the plan has no CREATE USER")


def parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line[line.index("{") :])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


# How the function gets there


def by_template(url: str, program: Path, folder: Path, superuser: str) -> Invoke:
    """The packaged template as a stack, and its function run by the emulator."""
    archive = folder / "mysql-rotation-x86_64.zip"
    package.pack(program, archive, level=1)
    storage, formation = client(url, "s3"), client(url, "cloudformation")
    storage.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
    storage.upload_file(str(archive), "code", archive.name)
    body = package.packaged((ROOT / "template.yaml").read_text(), archive.name, "x86_64")
    body = body.replace(f"CodeUri: {archive.name}", f"CodeUri: s3://code/{archive.name}")
    parameters = {"superuserSecretArn": superuser, "architecture": "x86_64", "tlsCaFile": os.environ["MYSQL_CA_FILE"]}
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    formation.create_stack(StackName="rotation", TemplateBody=body, Parameters=given, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    stack: dict[str, Any] = {}
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        (stack,) = formation.describe_stacks(StackName="rotation")["Stacks"]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.2)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise SystemExit(f"the stack is {stack['StackStatus']}: {stack.get('StackStatusReason')}")
    functions = client(url, "lambda")

    def invoke(event: dict[str, str]) -> tuple[dict[str, Any] | None, str]:
        answer = functions.invoke(FunctionName="mysql-rotation", Payload=json.dumps(event), LogType="Tail")
        payload = json.loads(answer["Payload"].read() or b"null")
        tail = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
        return (payload if answer.get("FunctionError") else None), tail

    return invoke


def by_runtime_emulator(url: str, program: Path, folder: Path, superuser: str) -> Invoke:
    """The program in AWS's Runtime Interface Emulator, beside an emulator that runs functions in Docker alone."""
    environment = {"AWS_ENDPOINT_URL": url, "SUPERUSER_SECRET_ARN": superuser, "TLS_CA_FILE": os.environ["MYSQL_CA_FILE"]}
    function = post(os.environ["STACK_URL"] + "/functions", {"name": "emulated", "binary": str(program), "env": environment})

    def invoke(event: dict[str, str]) -> tuple[dict[str, Any] | None, str]:
        answer = post(function["url"], event)
        time.sleep(0.2)  # the emulator writes the log a moment later
        return answer, Path(function["log"]).read_text(errors="replace")

    return invoke


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.loads(answer.read() or b"null")


EMULATORS: dict[str, tuple[list[str], dict[str, str], Callable[[str, Path, Path, str], Invoke]]] = {
    "ministack": (
        [str(packages.root("emulators") / "bin" / "ministack")],
        {"GATEWAY_PORT": "{port}", "BIND_HOST": "127.0.0.1", "MINISTACK_REGION": REGION},
        by_template,
    ),
    "moto": ([str(packages.root("python") / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", "{port}"], {}, by_runtime_emulator),
}

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
