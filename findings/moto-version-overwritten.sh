#!/usr/bin/env bash
# moto 5.2.5, Secrets Manager: PutSecretValue with the token of a version that exists replaces the value of that version.
#
# Expected: a version never changes; the same token with another value is a ResourceExistsException, as botocore's
# model of PutSecretValue says. Seen: success, and the version has the new value. A rotation function that stores a
# second pending password with the same token passes its tests here, and fails in AWS.
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

with mock_aws():
    client = boto3.client("secretsmanager")
    client.create_secret(Name="app", SecretString="current")

    def put(value: str) -> str:
        client.put_secret_value(SecretId="app", ClientRequestToken=TOKEN, SecretString=value, VersionStages=["AWSPENDING"])
        return client.get_secret_value(SecretId="app", VersionId=TOKEN)["SecretString"]

    seen = put("first"), put("second")
print("the version after the first call:", seen[0], "| after the second, with the same token:", seen[1])
raise SystemExit(0 if seen == ("first", "second") else 1)
EOF
venv/bin/python case.py
