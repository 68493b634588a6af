"""The staging labels of a secret's versions."""

from __future__ import annotations

import threading

from moto.secretsmanager.exceptions import (
    InvalidRequestException,
    OperationNotPermittedOnReplica,
    SecretNotFoundException,
)
from moto.secretsmanager.models import FakeSecret, ReplicaSecret, SecretsManagerBackend

# Requests and rotations run in threads of their own; each change of labels is one step.
LOCK = threading.RLock()


def own_secret(backend: SecretsManagerBackend, secret_id: str) -> FakeSecret:
    if secret_id not in backend.secrets:
        raise SecretNotFoundException()
    secret = backend.secrets[secret_id]
    if isinstance(secret, ReplicaSecret):
        raise OperationNotPermittedOnReplica
    if secret.is_deleted():
        raise InvalidRequestException(
            "You can't perform this operation on the secret because it was marked for deletion."
        )
    return secret


def holder(secret: FakeSecret, label: str) -> str | None:
    return next((id for id, version in secret.versions.items() if label in version["version_stages"]), None)


def move_label(secret: FakeSecret, label: str, to: str) -> None:
    """Moves a label; AWSPREVIOUS follows AWSCURRENT to the version that loses it."""
    before = holder(secret, label)
    if before == to:
        return
    if before:
        secret.versions[before]["version_stages"].remove(label)
    secret.versions[to]["version_stages"].append(label)
    if label == "AWSCURRENT" and before:
        move_label(secret, "AWSPREVIOUS", before)
    if label == "AWSCURRENT" and "AWSPREVIOUS" in secret.versions[to]["version_stages"]:
        secret.versions[to]["version_stages"].remove("AWSPREVIOUS")


def abandon_rotation(secret: FakeSecret) -> None:
    """A new value made current from outside ends a rotation: AWS takes AWSPENDING off."""
    pending = holder(secret, "AWSPENDING")
    if pending:
        secret.versions[pending]["version_stages"].remove("AWSPENDING")
