//! The errors of calls to Secrets Manager, and what each means.

use rotation::error::ErrorType::{self, AccessDenied, AwsCallFailed, KmsDenied, SecretNotFound};

/// What Secrets Manager says that a role may not do.
pub(super) const NOT_AUTHORIZED: &str = "User: role is not authorized to perform it";
pub(super) const DELETED: &str =
    "You can't perform this operation on the secret because it was marked for deletion.";
pub(super) const NOT_FOUND: &str = "Secrets Manager can't find the specified secret.";

/// Operation, the step that calls it, error, message, type, and what the text says.
pub(super) type Case =
    (&'static str, &'static str, &'static str, &'static str, ErrorType, &'static str);

/// The errors of a call that reads or changes the user's secret, in the service's words.
pub(super) const CASES: &[Case] = &[
    (
        "DescribeSecret",
        "createSecret",
        "AccessDeniedException",
        NOT_AUTHORIZED,
        AccessDenied,
        "allow secretsmanager:DescribeSecret on arn:",
    ),
    (
        "DescribeSecret",
        "createSecret",
        "ResourceNotFoundException",
        NOT_FOUND,
        SecretNotFound,
        "does not exist",
    ),
    ("DescribeSecret", "createSecret", "InvalidParameterException", "Odd.", AwsCallFailed, "Odd."),
    (
        "GetSecretValue",
        "createSecret",
        "AccessDeniedException",
        NOT_AUTHORIZED,
        AccessDenied,
        "allow secretsmanager:GetSecretValue on arn:",
    ),
    (
        "GetSecretValue",
        "createSecret",
        "AccessDeniedException",
        "Access to KMS is not allowed",
        KmsDenied,
        "kms:Decrypt",
    ),
    (
        "GetSecretValue",
        "createSecret",
        "DecryptionFailure",
        "Secrets Manager can't decrypt",
        KmsDenied,
        "kms:Decrypt",
    ),
    (
        "GetSecretValue",
        "createSecret",
        "InvalidRequestException",
        DELETED,
        SecretNotFound,
        "restore-secret",
    ),
    (
        "GetSecretValue",
        "createSecret",
        "ResourceNotFoundException",
        NOT_FOUND,
        SecretNotFound,
        "does not exist",
    ),
    (
        "PutSecretValue",
        "createSecret",
        "AccessDeniedException",
        NOT_AUTHORIZED,
        AccessDenied,
        "allow secretsmanager:PutSecretValue on arn:",
    ),
    (
        "PutSecretValue",
        "createSecret",
        "AccessDeniedException",
        "Access to KMS is not allowed",
        KmsDenied,
        "kms:GenerateDataKey and kms:Decrypt",
    ),
    (
        "PutSecretValue",
        "createSecret",
        "EncryptionFailure",
        "Secrets Manager can't encrypt",
        KmsDenied,
        "kms:GenerateDataKey and kms:Decrypt",
    ),
    (
        "PutSecretValue",
        "createSecret",
        "LimitExceededException",
        "Too many versions",
        AwsCallFailed,
        "a secret keeps 100 versions",
    ),
    (
        "PutSecretValue",
        "createSecret",
        "InvalidRequestException",
        DELETED,
        SecretNotFound,
        "restore-secret",
    ),
    (
        "PutSecretValue",
        "createSecret",
        "InvalidParameterException",
        "The RotationToken is not valid",
        AwsCallFailed,
        "InvalidParameterException",
    ),
    (
        "UpdateSecretVersionStage",
        "finishSecret",
        "AccessDeniedException",
        NOT_AUTHORIZED,
        AccessDenied,
        "allow secretsmanager:UpdateSecretVersionStage on arn:",
    ),
    (
        "UpdateSecretVersionStage",
        "finishSecret",
        "LimitExceededException",
        "Too many labels",
        AwsCallFailed,
        "quota",
    ),
    (
        "UpdateSecretVersionStage",
        "finishSecret",
        "InvalidRequestException",
        DELETED,
        SecretNotFound,
        "restore-secret",
    ),
];
