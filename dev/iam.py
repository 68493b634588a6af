"""Who may call Secrets Manager, RDS and Lambda: moto's IAM with resources, conditions and keys.

Policies are enforced after a POST of `0` to `/moto-api/reset-auth`. moto knows neither the resource nor the conditions
of these calls; `policies.py` evaluates both. A value that a key of its owner encrypts needs that key too: moto encrypts
nothing, so the permission is what stands in for it here.
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import AccessDeniedError, JsonRESTError
from moto.iam import access_control
from moto.iam.models import Policy, Role
from moto.rds.responses import RDSResponse
from moto.secretsmanager.models import FakeSecret, secretsmanager_backends
from moto.secretsmanager.responses import SecretsManagerResponse

from policies import allows

# What each call does with the key of the secret.
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
KEY_USES = {
    "secretsmanager:GetSecretValue": ["kms:Decrypt"],
    "secretsmanager:PutSecretValue": ["kms:GenerateDataKey", "kms:Decrypt"],
}


def resource(self: SecretsManagerResponse) -> str:
    """The ARN that a policy is compared with; without it only policies for every resource would match."""
    secret_id = self._get_param("SecretId")
    secret = self.backend.secrets.get(secret_id) if secret_id else None
    return secret.arn if secret else secret_id or "*"


def rds_resource(self: RDSResponse) -> str:
    for kind, name in (("db", "DBInstanceIdentifier"), ("cluster", "DBClusterIdentifier")):
        wanted = self._get_param(name)
        if wanted:
            return wanted if wanted.startswith("arn:") else f"arn:aws:rds:{self.region}:{self.current_account}:{kind}:{wanted}"
    return "*"


moto_check_signature = access_control.IAMRequest.check_signature


def check_signature(self: access_control.IAMRequest) -> None:
    # moto computes another one than its clients for a call without a body, as those to Lambda are.
    if self._service != "lambda":
        moto_check_signature(self)


moto_check = access_control.IAMRequest.check_action_permitted


def check_action_permitted(self: access_control.IAMRequest, resource: str) -> None:
    if self._service not in ("secretsmanager", "rds", "lambda"):
        return moto_check(self, resource)
    documents = [document(one) for one in self._access_key.collect_policies()]
    secret = find_secret(self, resource)
    context = {}
    if secret and secret.rotation_lambda_arn:
        context["secretsmanager:resource/AllowRotationLambdaArn"] = secret.rotation_lambda_arn
    if not allows(documents, self._action, resource, context):
        # A denial in the form of the service; moto's own is that of others.
        text = f"User: {self._access_key.arn} is not authorized to perform: {self._action} on resource: {resource}"
        reason = f"{text} because no identity-based policy allows the {self._action} action"
        raise denied_by_rds(reason) if self._service == "rds" else denied(reason)
    # The key that AWS makes for Secrets Manager needs no permission.
    if secret and secret.kms_key_id and secret.kms_key_id.startswith("arn:"):
        key_context = {
            "kms:EncryptionContext:SecretARN": secret.arn,
            "kms:ViaService": f"secretsmanager.{self._region}.amazonaws.com",
        }
        for use in KEY_USES.get(self._action, []):
            if not allows(documents, use, secret.kms_key_id, key_context):
                raise denied("Access to KMS is not allowed")


def denied(reason: str) -> JsonRESTError:
    return JsonRESTError("AccessDeniedException", reason)


def denied_by_rds(reason: str) -> AccessDeniedError:
    error = AccessDeniedError("", "")
    error.description = (
        '<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type>'
        f"<Code>AccessDenied</Code><Message>{reason}</Message></Error></ErrorResponse>"
    )
    return error


def find_secret(request: access_control.IAMRequest, resource: str) -> FakeSecret | None:
    if request._service != "secretsmanager" or not resource.startswith("arn:"):
        return None
    return secretsmanager_backends[request.account_id][request._region].secrets.get(resource)


def document(policy: str | Policy) -> dict[str, Any]:
    if isinstance(policy, Policy):
        policy = next(version.document for version in policy.versions if version.is_default)
    return json.loads(policy)


moto_put_policy = Role.put_policy


def put_policy(self: Role, name: str, policy: str | dict[str, Any]) -> None:
    """CloudFormation gives inline documents as dictionaries, with a null for what is AWS::NoValue."""
    if isinstance(policy, dict):
        statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
        policy = json.dumps({**policy, "Statement": [statement for statement in statements if statement]})
    moto_put_policy(self, name, policy)


def install() -> None:
    SecretsManagerResponse._determine_resource = resource
    RDSResponse._determine_resource = rds_resource
    Role.put_policy = put_policy
    access_control.IAMRequest.check_signature = check_signature
    access_control.IAMRequest.check_action_permitted = check_action_permitted
