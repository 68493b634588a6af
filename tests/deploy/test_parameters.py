"""Which parameters make a stack, and what the stack is then."""

import json
import re
import unittest

from . import ROOT
from cloudformation import Stack, load

TEMPLATE = load(ROOT / "template.yaml")
FUNCTION = "SecretsManagerRDSMySQLRotationMultiUser"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1b2c3d4e-0000-1111-2222-333344445555"
LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:authorities:3"
FULL, PARTIAL = SECRET + "app/admin-AbC123", SECRET + "app/admin"
MANAGED = SECRET + "rds!db-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0-AbC123"
# What SecretRotation of aws-cdk-lib gives for a database in a VPC, with its default set of characters.
CDK = {
    "endpoint": "https://secretsmanager.eu-central-1.amazonaws.com",
    "functionName": "StackDatabaseRotation12345678",
    "vpcSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "vpcSecurityGroupIds": "sg-0123456789abcdef0",
    "excludeCharacters": " %+~`#$&*()|[]{}:;<>?!'/@\"\\",
    "kmsKeyArn": KEY,
    "masterSecretArn": FULL,
    "masterSecretKmsKeyArn": KEY,
}


def problems(**parameters: str) -> list[str]:
    return Stack(TEMPLATE, {"superuserSecretArn": FULL, **parameters}).problems()


class ParametersTest(unittest.TestCase):
    def test_the_parameters_that_cdk_passes_make_a_stack_with_the_output_that_cdk_reads(self) -> None:
        stack = Stack(TEMPLATE, CDK)
        self.assertEqual(stack.problems(), [])
        name = CDK["functionName"]
        arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{name}"
        self.assertEqual(stack.outputs()["RotationLambdaARN"], arn)
        self.assertEqual(stack.outputs()["FunctionArn"], arn)
        function = stack.resources()[FUNCTION]
        environment = function["Environment"]["Variables"]
        self.assertEqual(environment["SECRETS_MANAGER_ENDPOINT"], CDK["endpoint"])
        self.assertEqual(environment["EXCLUDE_CHARACTERS"], CDK["excludeCharacters"])
        self.assertEqual(environment["SUPERUSER_SECRET_ARN"], FULL)
        self.assertEqual(function["VpcConfig"]["SubnetIds"], CDK["vpcSubnetIds"].split(","))

    def test_one_superuser_secret_under_one_of_both_names_is_all_that_is_needed(self) -> None:
        for name in ("superuserSecretArn", "masterSecretArn"):
            for arn in (FULL, PARTIAL, PARTIAL + "-??????", MANAGED):
                stack = Stack(TEMPLATE, {name: arn})
                self.assertEqual(stack.problems(), [], arn)
                environment = stack.resources()[FUNCTION]["Environment"]["Variables"]
                self.assertEqual(environment["SUPERUSER_SECRET_ARN"], arn.removesuffix("-??????"))
        self.assertEqual(Stack(TEMPLATE).problems(), ["OneSuperuserSecret"])

    def test_what_cannot_work_is_refused_and_by_which_name(self) -> None:
        for refused, parameters in [
            ("OneSuperuserSecret", {"masterSecretArn": FULL}),
            ("OneSuperuserKey", {"superuserSecretKmsKeyArn": KEY, "masterSecretKmsKeyArn": KEY}),
            ("SubnetsWithGroups", {"vpcSubnetIds": "subnet-0123456789abcdef0"}),
            ("SubnetsWithGroups", {"vpcSecurityGroupIds": "sg-0123456789abcdef0"}),
            ("Ipv6InVpc", {"ipv6AllowedForDualStack": "true"}),
            ("LayerWithFile", {"tlsCaLayerArn": LAYER}),
            ("RdsResourcesWithLookup", {"rdsLookup": "false", "rdsResourceArns": "arn:aws:rds:eu-central-1:123456789012:db:app"}),
            ("EndpointOrKind", {"endpoint": "https://vpce.example", "useFipsEndpoint": "true"}),
            ("EndpointOrKind", {"endpoint": "https://vpce.example", "useDualStackEndpoint": "true"}),
            ("SomeCharacters", dict.fromkeys(("excludeNumbers", "excludePunctuation", "excludeUppercase", "excludeLowercase"), "true")),
            ("endpoint", {"endpoint": "http://secretsmanager.eu-central-1.amazonaws.com"}),
            ("endpoint", {"endpoint": "secretsmanager.eu-central-1.amazonaws.com"}),
            ("endpoint", {"endpoint": "https://user@host/x"}),
            ("userSecretArns", {"userSecretArns": "app"}),
            ("userSecretArns", {"userSecretArns": f"{SECRET}app/user"}),
            ("userSecretArns", {"userSecretArns": f"{FULL}, {FULL}"}),
            ("kmsKeyArn", {"kmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:alias/app"}),
            ("superuserSecretKmsKeyArn", {"superuserSecretKmsKeyArn": "1b2c3d4e"}),
            ("vpcSubnetIds", {"vpcSubnetIds": "subnet-1, subnet-2", "vpcSecurityGroupIds": "sg-1"}),
            ("rdsResourceArns", {"rdsResourceArns": "app"}),
            ("tlsCaFile", {"tlsCaFile": "ca.pem"}),
            ("passwordLength", {"passwordLength": "7"}),
            ("passwordLength", {"passwordLength": "257"}),
            ("usernameCharacterLimit", {"usernameCharacterLimit": "6"}),
            ("functionName", {"functionName": "a b"}),
            ("logLevel", {"logLevel": "debug"}),
            ("alarmTopicArn", {"alarmTopicArn": "topic"}),
            ("UserSecretArns", {"UserSecretArns": FULL}),
        ]:
            with self.subTest(parameters=parameters):
                self.assertEqual(problems(**parameters), [refused])

    def test_lists_of_secrets_and_keys_are_taken(self) -> None:
        users = f"{SECRET}a-AbC123,{SECRET}b-??????"
        self.assertEqual(problems(userSecretArns=users, kmsKeyArn=f"{KEY},{KEY}"), [])
        many = ",".join(f"{SECRET}team/application-{n:02}-AbC123" for n in range(45))
        self.assertEqual(problems(userSecretArns=many), [])
        self.assertLessEqual(len(many), 4096)

    def test_secrets_of_every_partition_are_taken(self) -> None:
        for partition, region in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1"), ("aws-eusc", "eusc-de-east-1")]:
            arn = f"arn:{partition}:secretsmanager:{region}:123456789012:secret:app-AbC123"
            self.assertEqual(Stack(TEMPLATE, {"superuserSecretArn": arn, "userSecretArns": arn}).problems(), [])

    def test_every_parameter_is_described_grouped_and_named_as_lambda_applications_name_them(self) -> None:
        groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        grouped = [name for group in groups for name in group["Parameters"]]
        self.assertEqual(sorted(grouped), sorted(TEMPLATE["Parameters"]))
        for name, parameter in TEMPLATE["Parameters"].items():
            self.assertRegex(name, r"^[a-z][A-Za-z0-9]*$")
            self.assertTrue(parameter["Description"].endswith("."), name)

    def test_every_parameter_has_a_label(self) -> None:
        labels = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterLabels"]
        self.assertEqual(sorted(labels), sorted(TEMPLATE["Parameters"]))
        self.assertTrue(all(one["default"] for one in labels.values()))

    def test_what_awss_application_has_and_this_one_does_not_need_is_taken_and_is_all_that_is_unused(self) -> None:
        parameters = {"superuserSecretArn": FULL, "runtime": "python3.12", "invokingServicePrincipal": "secretsmanager.amazonaws.com"}
        self.assertEqual(Stack(TEMPLATE, parameters).problems(), [])
        self.assertEqual(Stack(TEMPLATE, parameters).resources(), Stack(TEMPLATE, {"superuserSecretArn": FULL}).resources())
        used = json.dumps({name: TEMPLATE[name] for name in ("Rules", "Conditions", "Resources", "Outputs")})
        unused = [one for one in TEMPLATE["Parameters"] if not re.search(rf'"Ref": "{one}"|\${{{one}}}', used)]
        self.assertEqual(unused, ["runtime", "invokingServicePrincipal"])

    def test_with_a_role_of_your_own_none_is_made_and_it_is_the_functions(self) -> None:
        role = "arn:aws:iam::123456789012:role/platform/rotation"
        stack = Stack(TEMPLATE, {"superuserSecretArn": FULL, "roleArn": role, "kmsKeyArn": KEY, "superuserSecretKmsKeyArn": KEY})
        self.assertEqual(stack.problems(), [])
        resources = stack.resources()
        self.assertEqual([name for name, one in resources.items() if one["Type"].startswith("AWS::IAM::")], [])
        self.assertEqual((resources[FUNCTION]["Role"], stack.outputs()["RoleArn"]), (role, role))
        boundary = "arn:aws:iam::123456789012:policy/boundary"
        self.assertEqual(problems(roleArn=role, permissionsBoundaryArn=boundary), ["RoleOrBoundary"])

    def test_concurrency_is_reserved_only_when_it_is_asked_for(self) -> None:
        self.assertNotIn("ReservedConcurrentExecutions", Stack(TEMPLATE, {"superuserSecretArn": FULL}).resources()[FUNCTION])
        function = Stack(TEMPLATE, {"superuserSecretArn": FULL, "reservedConcurrency": "5"}).resources()[FUNCTION]
        self.assertEqual(function["ReservedConcurrentExecutions"], "5")
        self.assertEqual(problems(reservedConcurrency="0"), ["reservedConcurrency"])

    def test_what_is_off_makes_nothing(self) -> None:
        kinds = {one["Type"] for one in Stack(TEMPLATE, {"superuserSecretArn": FULL}).resources().values()}
        self.assertEqual(
            kinds,
            {
                "AWS::Serverless::Function",
                "AWS::Lambda::Permission",
                "AWS::IAM::Role",
                "AWS::IAM::Policy",
                "AWS::Logs::LogGroup",
            },
        )

    def test_only_variables_that_the_function_or_the_sdk_reads_are_set(self) -> None:
        config = (ROOT / "src" / "config.rs").read_text()
        read = set(re.findall(r'"([A-Z]+_[A-Z0-9_]+)"', config)) | {"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"}
        variables = TEMPLATE["Resources"][FUNCTION]["Properties"]["Environment"]["Variables"]
        self.assertEqual(set(variables) - read, set())
        # What Lambda sets itself, and what is for emulators alone.
        by_lambda = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_RUNTIME_API"}
        for_emulators = {"ALLOW_HTTP_ENDPOINTS", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_RDS", "AWS_ENDPOINT_URL_SECRETS_MANAGER"}
        self.assertEqual(read - set(variables), (by_lambda | for_emulators) & read)

    def test_a_new_password_has_by_default_what_cdk_lets_it_have(self) -> None:
        default = TEMPLATE["Parameters"]["excludeCharacters"]["Default"]
        self.assertEqual(default, CDK["excludeCharacters"].strip())
        source = (ROOT / "src" / "config.rs").read_text()
        (own,) = re.findall(r'^const EXCLUDED_BY_DEFAULT: &str = ("(?:[^"\\]|\\.)*");$', source, re.MULTILINE)
        self.assertEqual(json.loads(own), default)

    def test_the_log_outlives_the_stack(self) -> None:
        group = TEMPLATE["Resources"]["LogGroup"]
        self.assertEqual((group["DeletionPolicy"], group["UpdateReplacePolicy"]), ("Retain", "Retain"))

    def test_the_version_is_that_of_the_program(self) -> None:
        version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
        assert version
        application = TEMPLATE["Metadata"]["AWS::ServerlessRepo::Application"]
        self.assertEqual(application["SemanticVersion"], version[1])


if __name__ == "__main__":
    unittest.main()
