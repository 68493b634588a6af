"""What the role may do, and what it may not, with every condition evaluated."""

import re
import unittest

from . import ROOT
from cloudformation import Stack, function_policy, load
from policies import allows, allows_service

TEMPLATE = load(ROOT / "template.yaml")
HERE = "eu-central-1:123456789012"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:"
USER, SUPERUSER, OTHER = SECRET + "app-AbC123", SECRET + "admin-AbC123", SECRET + "other-AbC123"
KEY, SUPERUSER_KEY = f"arn:aws:kms:{HERE}:key/1", f"arn:aws:kms:{HERE}:key/2"
FUNCTION = f"arn:aws:lambda:{HERE}:function:mysql-rotation"
ROTATED = {"secretsmanager:resource/AllowRotationLambdaArn": FUNCTION}
VIA = "secretsmanager.eu-central-1.amazonaws.com"

USER_ACTIONS = ["DescribeSecret", "GetSecretValue", "ListSecretVersionIds", "PutSecretValue", "UpdateSecretVersionStage"]
# The permissions that Lambda's guide lists for a function in a VPC; Lambda calls these itself.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
LAMBDA_EC2 = [
    "AssignPrivateIpAddresses",
    "CreateNetworkInterface",
    "DeleteNetworkInterface",
    "DescribeNetworkInterfaces",
    "DescribeSubnets",
    "UnassignPrivateIpAddresses",
]


def stack(**parameters: str) -> Stack:
    if "masterSecretArn" not in parameters:
        parameters = {"superuserSecretArn": SUPERUSER, **parameters}
    made = Stack(TEMPLATE, parameters)
    assert made.problems() == [], made.problems()
    return made


def actions(made: Stack) -> set[str]:
    statements = [one for policy in made.role_policies() for one in policy["Statement"] if one["Effect"] == "Allow"]
    found = [one["Action"] for one in statements]
    return {action for one in found for action in (one if isinstance(one, list) else [one])}


class RoleTest(unittest.TestCase):
    def test_the_page_on_deploying_lists_every_action_for_a_role_of_ones_own(self) -> None:
        _, _, page = (ROOT / "docs" / "deploy.md").read_text().partition("### A role of your own\n")
        listed = set()
        for cell in re.findall(r"^\| (`[^|]+) \|", page.partition("\n### ")[0], re.MULTILINE):
            service = ""
            for action in re.findall(r"`([^`]+)`", cell):
                service = action.partition(":")[0] if ":" in action else service
                listed.add(action if ":" in action else f"{service}:{action}")
        made = Stack(
            TEMPLATE,
            {
                "superuserSecretArn": SUPERUSER,
                "kmsKeyArn": KEY,
                "superuserSecretKmsKeyArn": SUPERUSER_KEY,
                "replicaKmsKeyArn": KEY,
                "vpcSubnetIds": "subnet-0",
                "vpcSecurityGroupIds": "sg-0",
            },
        )
        allowed = set()
        for one in made.resources().values():
            for policy in one.get("Policies", []) if one["Type"] == "AWS::IAM::Role" else [one]:
                for statement in policy.get("PolicyDocument", {}).get("Statement", []):
                    if statement["Effect"] == "Allow":
                        given = statement["Action"]
                        allowed.update([given] if isinstance(given, str) else given)
        self.assertEqual(listed, allowed)

    def may(self, made: Stack, action: str, resource: str, context: dict[str, str] | None = None) -> bool:
        return allows(made.role_policies(), action, resource, context)

    def test_without_named_secrets_it_opens_those_that_rotate_with_this_function_and_no_others(self) -> None:
        made = stack()
        for action in (f"secretsmanager:{name}" for name in USER_ACTIONS):
            self.assertTrue(self.may(made, action, USER, ROTATED), action)
            for function in (FUNCTION + "-2", FUNCTION.replace("mysql", "other"), FUNCTION + ":1"):
                context = {"secretsmanager:resource/AllowRotationLambdaArn": function}
                self.assertFalse(self.may(made, action, USER, context), function)
            self.assertFalse(self.may(made, action, OTHER), action)
            elsewhere = USER.replace("123456789012", "999999999999")
            self.assertFalse(self.may(made, action, elsewhere, ROTATED), action)

    def test_with_named_secrets_it_opens_these_whatever_rotates_them(self) -> None:
        for named in (USER, f"{OTHER[:-7]}-??????,{USER}"):
            made = stack(userSecretArns=named)
            for action in (f"secretsmanager:{name}" for name in USER_ACTIONS):
                self.assertTrue(self.may(made, action, USER), action)
                self.assertEqual(self.may(made, action, OTHER, ROTATED), "," in named)

    def test_the_superuser_secret_is_read_and_never_written(self) -> None:
        for parameters in (
            {"superuserSecretArn": SUPERUSER},
            {"masterSecretArn": SUPERUSER},
            {"masterSecretArn": SUPERUSER.removesuffix("-AbC123")},
            {"superuserSecretArn": SUPERUSER.removesuffix("-AbC123") + "-??????"},
        ):
            made = Stack(TEMPLATE, {**parameters, "userSecretArns": USER})
            self.assertTrue(self.may(made, "secretsmanager:GetSecretValue", SUPERUSER))
            for action in ("PutSecretValue", "UpdateSecretVersionStage", "ListSecretVersionIds", "DeleteSecret"):
                self.assertFalse(self.may(made, f"secretsmanager:{action}", SUPERUSER), action)
            self.assertFalse(self.may(made, "secretsmanager:GetSecretValue", OTHER))

    def test_it_describes_the_superuser_secret_only_where_databases_are_looked_up(self) -> None:
        for looked_up in ("true", "false"):
            made = stack(userSecretArns=USER, rdsLookup=looked_up)
            self.assertEqual(self.may(made, "secretsmanager:DescribeSecret", SUPERUSER), looked_up == "true")
            instance = f"arn:aws:rds:{HERE}:db:app"
            self.assertEqual(self.may(made, "rds:DescribeDBInstances", instance), looked_up == "true")

    def test_databases_are_looked_up_where_they_are_named_or_all_of_this_account(self) -> None:
        app, other = f"arn:aws:rds:{HERE}:db:app", f"arn:aws:rds:{HERE}:cluster:other"
        named, all_of_them = stack(rdsResourceArns=app), stack()
        for made, resource, may in [
            (named, app, True),
            (named, other, False),
            (all_of_them, other, True),
            (all_of_them, app.replace("123456789012", "999999999999"), False),
            (all_of_them, app.replace("eu-central-1", "eu-west-1"), False),
        ]:
            for action in ("rds:DescribeDBInstances", "rds:DescribeDBClusters"):
                self.assertEqual(self.may(made, action, resource), may, resource)
            self.assertFalse(self.may(made, "rds:ModifyDBInstance", resource))

    def test_a_key_decrypts_the_values_of_its_secrets_through_secrets_manager_and_nothing_else(self) -> None:
        for made in (stack(kmsKeyArn=KEY), stack(kmsKeyArn=f"{SUPERUSER_KEY},{KEY}", userSecretArns=USER)):
            context = {"kms:EncryptionContext:SecretARN": USER, "kms:ViaService": VIA}
            for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                self.assertTrue(self.may(made, action, KEY, context), action)
                for change in (
                    {"kms:EncryptionContext:SecretARN": USER.replace("123456789012", "999999999999")},
                    {"kms:ViaService": "s3.eu-central-1.amazonaws.com"},
                    {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"},
                ):
                    self.assertFalse(self.may(made, action, KEY, {**context, **change}), change)
                self.assertFalse(self.may(made, action, KEY, {"kms:ViaService": VIA}))
            for action in ("kms:DescribeKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:CreateGrant"):
                self.assertFalse(self.may(made, action, KEY, context), action)
        named = stack(kmsKeyArn=KEY, userSecretArns=USER)
        other = {"kms:EncryptionContext:SecretARN": OTHER, "kms:ViaService": VIA}
        self.assertFalse(self.may(named, "kms:Decrypt", KEY, other))

    def test_a_key_of_copies_in_another_account_encrypts_through_secrets_manager_and_nothing_else(self) -> None:
        key = KEY.replace("123456789012", "999999999999")
        context = {"kms:ViaService": VIA}
        made = stack(replicaKmsKeyArn=key)
        self.assertTrue(self.may(made, "kms:Encrypt", key, context))
        self.assertFalse(self.may(made, "kms:Encrypt", KEY, context))
        self.assertFalse(self.may(made, "kms:Encrypt", key, {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}))
        self.assertFalse(self.may(made, "kms:Decrypt", key, context))
        self.assertFalse(self.may(stack(), "kms:Encrypt", key, context))

    def test_the_key_of_the_superuser_secret_decrypts_that_secret_alone(self) -> None:
        for parameters in (
            {"superuserSecretKmsKeyArn": SUPERUSER_KEY},
            {"masterSecretArn": SUPERUSER.removesuffix("-AbC123"), "masterSecretKmsKeyArn": SUPERUSER_KEY},
        ):
            made = stack(**parameters)
            context = {"kms:EncryptionContext:SecretARN": SUPERUSER, "kms:ViaService": VIA}
            self.assertTrue(self.may(made, "kms:Decrypt", SUPERUSER_KEY, context))
            self.assertFalse(self.may(made, "kms:GenerateDataKey", SUPERUSER_KEY, context))
            other = {**context, "kms:EncryptionContext:SecretARN": OTHER}
            self.assertFalse(self.may(made, "kms:Decrypt", SUPERUSER_KEY, other))

    def test_network_interfaces_are_lambdas_to_make_and_not_the_functions(self) -> None:
        made = stack(vpcSubnetIds="subnet-1", vpcSecurityGroupIds="sg-1")
        self.assertEqual({one for one in actions(made) if one.startswith("ec2:")}, {f"ec2:{one}" for one in LAMBDA_EC2})
        for action in (f"ec2:{name}" for name in LAMBDA_EC2):
            self.assertTrue(self.may(made, action, "*"), action)
            self.assertFalse(self.may(made, action, "*", {"lambda:SourceFunctionArn": FUNCTION}), action)
            self.assertFalse(self.may(stack(), action, "*"), action)

    def test_the_whole_role_is_this_and_no_more(self) -> None:
        made = stack(kmsKeyArn=KEY, superuserSecretKmsKeyArn=SUPERUSER_KEY, userSecretArns=USER)
        expected = {f"secretsmanager:{name}" for name in USER_ACTIONS}
        expected |= {"rds:DescribeDBClusters", "rds:DescribeDBInstances", "kms:Decrypt", "kms:GenerateDataKey"}
        # What Lambda itself calls for the log; the group is the template's, so nobody has to create one.
        expected |= {"logs:CreateLogStream", "logs:PutLogEvents"}
        self.assertEqual(actions(made), expected)
        self.assertFalse(self.may(made, "logs:PutLogEvents", f"arn:aws:logs:{HERE}:log-group:other:*"))
        self.assertTrue(self.may(made, "logs:PutLogEvents", f"arn:aws:logs:{HERE}:log-group:rotation-LogGroup-AbC123:*"))

    def test_secrets_manager_invokes_the_function_for_this_account_and_nobody_else_does(self) -> None:
        service, action = "secretsmanager.amazonaws.com", "lambda:InvokeFunction"
        for parameters, allowed, refused in [
            ({}, [USER, OTHER], []),
            ({"userSecretArns": USER}, [USER], [OTHER]),
            ({"userSecretArns": SECRET + "app-??????"}, [USER], [OTHER]),
            ({"userSecretArns": f"{USER},{OTHER}"}, [USER, OTHER], []),
        ]:
            policy = function_policy(stack(**parameters).resources()["Permission"])
            for secret in [*allowed, *refused]:
                context = {"aws:SourceAccount": "123456789012", "aws:SourceArn": secret}
                self.assertEqual(allows_service(policy, service, action, FUNCTION, context), secret in allowed)
                foreign = {**context, "aws:SourceAccount": "999999999999"}
                self.assertFalse(allows_service(policy, service, action, FUNCTION, foreign))
                self.assertFalse(allows_service(policy, service, "lambda:UpdateFunctionCode", FUNCTION, context))
                self.assertFalse(allows_service(policy, "s3.amazonaws.com", action, FUNCTION, context))

    def test_secrets_of_another_account_are_admitted_by_the_account_in_their_arns(self) -> None:
        foreign = USER.replace("123456789012", "999999999999")
        permission = stack(userSecretArns=foreign).resources()["Permission"]
        self.assertEqual(permission["SourceAccount"], "999999999999")

    def test_other_partitions_have_their_own_names(self) -> None:
        secret = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:app-AbC123"
        key = "arn:aws-cn:kms:cn-north-1:123456789012:key/1"
        parameters = {"superuserSecretArn": secret, "kmsKeyArn": key}
        made = Stack(TEMPLATE, parameters, region="cn-north-1", partition="aws-cn", suffix="amazonaws.com.cn")
        context = {"kms:EncryptionContext:SecretARN": secret, "kms:ViaService": "secretsmanager.cn-north-1.amazonaws.com.cn"}
        self.assertTrue(self.may(made, "kms:Decrypt", key, context))
        function = {"secretsmanager:resource/AllowRotationLambdaArn": "arn:aws-cn:lambda:cn-north-1:123456789012:function:mysql-rotation"}
        self.assertTrue(self.may(made, "secretsmanager:PutSecretValue", secret, function))


class PoliciesTest(unittest.TestCase):
    """The evaluator itself."""

    def test_a_denial_wins_and_what_is_not_allowed_is_denied(self) -> None:
        allow = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
        deny = {"Statement": [{"Effect": "Deny", "Action": ["s3:Get*"], "Resource": "arn:x"}]}
        self.assertTrue(allows([allow], "S3:getObject", "arn:x"))
        self.assertFalse(allows([allow, deny], "s3:GetObject", "arn:x"))
        self.assertTrue(allows([allow, deny], "s3:GetObject", "arn:y"))
        self.assertFalse(allows([deny], "s3:PutObject", "arn:y"))
        self.assertFalse(allows([], "s3:PutObject", "arn:y"))

    def test_question_marks_and_stars_match_and_dots_do_not(self) -> None:
        for pattern, resource, matches in [
            ("arn:a-??????", "arn:a-AbC123", True),
            ("arn:a-??????", "arn:a-AbC12", False),
            ("arn:a.c*", "arn:abc", False),
            ("arn:A*", "arn:a", False),
        ]:
            policy = {"Statement": [{"Effect": "Allow", "Action": "x:y", "Resource": [pattern]}]}
            self.assertEqual(allows([policy], "x:y", resource), matches, pattern)

    def test_a_key_that_the_request_lacks_fails_its_condition(self) -> None:
        for operator, wanted, given, holds in [
            ("StringEquals", "a", {"Aws:X": "a"}, True),
            ("StringEquals", "a*", {"aws:x": "ab"}, False),
            ("StringLike", ["z", "a*"], {"aws:x": "ab"}, True),
            ("ArnEquals", "arn:aws:lambda:*:1:function:f", {"aws:x": "arn:aws:lambda:r:1:function:f"}, True),
            ("ArnEquals", "arn:aws:lambda:*:function:f", {"aws:x": "arn:aws:lambda:r:1:function:f"}, False),
            ("StringEquals", "a", {}, False),
        ]:
            statement = {"Effect": "Allow", "Action": "x:y", "Resource": "*", "Condition": {operator: {"aws:x": wanted}}}
            self.assertEqual(allows([{"Statement": [statement]}], "x:y", "r", given), holds, (operator, wanted, given))

    def test_what_it_does_not_know_is_an_error(self) -> None:
        statement = {"Effect": "Allow", "Action": "x:y", "Resource": "*"}
        for more in ({"NotAction": "a:b"}, {"Condition": {"NumericEquals": {"a": "1"}}}):
            with self.assertRaises(ValueError):
                allows([{"Statement": [{**statement, **more}]}], "x:y", "r", {"a": "1"})


if __name__ == "__main__":
    unittest.main()
