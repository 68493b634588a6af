#!/usr/bin/env bash
# moto 5.2.5, Secrets Manager: after UpdateSecretVersionStage has moved AWSCURRENT, as a rotation function does, the next
# PutSecretValue leaves the label on two versions.
#
# Expected: a label is on one version of a secret, so PutSecretValue without labels takes AWSCURRENT off the version
# that has it, and gives that AWSPREVIOUS. Seen: so it is where that version was stored as AWSCURRENT; a version that
# the label was moved to keeps it. GetSecretValue returns the newer of the two.
# Needs Python 3 with venv. moto answers inside the process.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'moto[secretsmanager]==5.2.5' boto3==1.44.8
cat > case.py <<'EOF'
import os

os.environ.update(AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none", AWS_DEFAULT_REGION="eu-central-1")

import boto3
from moto import mock_aws

TOKEN = "0" * 32


def labels(is_moved: bool) -> dict[str, list[str]]:
    """The labels of the versions by their values, after a rotation and a new value."""
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="app", SecretString="old")
        old = client.get_secret_value(SecretId="app")["VersionId"]
        stage = "AWSPENDING" if is_moved else "AWSCURRENT"
        client.put_secret_value(SecretId="app", ClientRequestToken=TOKEN, SecretString="rotated", VersionStages=[stage])
        if is_moved:
            move = {"MoveToVersionId": TOKEN, "RemoveFromVersionId": old}
            client.update_secret_version_stage(SecretId="app", VersionStage="AWSCURRENT", **move)
            client.update_secret_version_stage(SecretId="app", VersionStage="AWSPENDING", RemoveFromVersionId=TOKEN)
        client.put_secret_value(SecretId="app", SecretString="put")
        versions = client.describe_secret(SecretId="app")["VersionIdsToStages"]
        values = {version: client.get_secret_value(SecretId="app", VersionId=version)["SecretString"] for version in versions}
        return {values[version]: stages for version, stages in versions.items() if stages}


stored, moved = labels(False), labels(True)
print("stored as AWSCURRENT:", stored)
print("AWSCURRENT moved to it:", moved)
is_right = stored == {"rotated": ["AWSPREVIOUS"], "put": ["AWSCURRENT"]}
raise SystemExit(0 if is_right and moved["rotated"] == moved["put"] == ["AWSCURRENT"] else 1)
EOF
venv/bin/python case.py
