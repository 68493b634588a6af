"""Stacks of the whole template, made by moto's CloudFormation after the macro of AWS's serverless applications."""

import io
import json
import logging
import subprocess
import unittest
import warnings
import zipfile

import boto3
from moto import mock_aws

from . import ROOT
from cloudformation import ACCOUNT
from .test_parameters import CDK, FUNCTION, TEMPLATE

REGION = "eu-central-1"


def transformed(code: str) -> str:
    program = [ROOT / ".dev/sam/bin/python", ROOT / "dev/transform.py", ROOT / "template.yaml", code]
    return subprocess.run(program, check=True, capture_output=True, text=True).stdout


@mock_aws
class StackTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.body = transformed("s3://code/rotation.zip")

    def setUp(self) -> None:
        # moto says of each alarm that it makes none.
        logging.getLogger("moto").setLevel(logging.CRITICAL)
        warnings.simplefilter("ignore")
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": REGION})
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "a program")
        s3.put_object(Bucket="code", Key="rotation.zip", Body=code.getvalue())
        self.cloudformation = boto3.client("cloudformation", region_name=REGION)

    def create(self, parameters: dict[str, str]) -> dict[str, str]:
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        create = {"StackName": "rotation", "TemplateBody": self.body, "Capabilities": ["CAPABILITY_IAM"]}
        self.cloudformation.create_stack(**create, Parameters=given)
        stack = self.cloudformation.describe_stacks(StackName="rotation")["Stacks"][0]
        self.assertEqual(stack["StackStatus"], "CREATE_COMPLETE")
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def in_vpc(self) -> dict[str, str]:
        ec2 = boto3.client("ec2", region_name=REGION)
        subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]]
        group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        return {"vpcSubnetIds": ",".join(subnets), "vpcSecurityGroupIds": group}

    def test_what_cdk_passes_becomes_a_stack_with_a_function_that_secrets_manager_may_invoke(self) -> None:
        parameters = {**CDK, **self.in_vpc()}
        outputs = self.create(parameters)
        functions = boto3.client("lambda", region_name=REGION)
        function = functions.get_function_configuration(FunctionName=outputs["RotationLambdaARN"])
        self.assertEqual(function["FunctionName"], CDK["functionName"])
        self.assertEqual(function["Environment"]["Variables"]["EXCLUDE_CHARACTERS"], CDK["excludeCharacters"])
        self.assertEqual(function["VpcConfig"]["SubnetIds"], parameters["vpcSubnetIds"].split(","))
        policy = json.loads(functions.get_policy(FunctionName=CDK["functionName"])["Policy"])
        self.assertEqual(policy["Statement"][0]["Principal"], {"Service": "secretsmanager.amazonaws.com"})

    def test_a_stack_of_awss_application_is_updated_in_place_and_keeps_its_function(self) -> None:
        role = f"arn:aws:iam::{ACCOUNT}:role/old"
        old = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": CDK["functionName"],
                "Handler": "lambda_function.lambda_handler",
                "Runtime": "python3.12",
                "Role": role,
                "Code": {"S3Bucket": "code", "S3Key": "rotation.zip"},
            },
        }
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        boto3.client("iam").create_role(RoleName="old", AssumeRolePolicyDocument=json.dumps(trust))
        body = json.dumps({"Resources": {FUNCTION: old}})
        self.cloudformation.create_stack(StackName="rotation", TemplateBody=body)
        parameters = {**CDK, **self.in_vpc()}
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        self.cloudformation.update_stack(
            StackName="rotation", TemplateBody=self.body, Parameters=given, Capabilities=["CAPABILITY_IAM"]
        )
        (function,) = boto3.client("lambda", region_name=REGION).list_functions()["Functions"]
        self.assertEqual(function["FunctionName"], CDK["functionName"])
        self.assertEqual(function["Runtime"], "provided.al2023")

    def test_every_option_together_becomes_a_stack(self) -> None:
        topic = f"arn:aws:sns:{REGION}:123456789012:operators"
        switches = [name for name, one in TEMPLATE["Parameters"].items() if one.get("AllowedValues") == ["true", "false"]]
        excluded = ("excludeNumbers", "excludePunctuation", "excludeUppercase", "excludeLowercase")
        options = {name: "true" for name in switches if name not in excluded[1:]}
        parameters = {**CDK, **self.in_vpc(), **options, "endpoint": "", "alarmTopicArn": topic, "eventTopicArn": topic}
        self.create(parameters)
        events = boto3.client("events", region_name=REGION)
        (rule,) = events.list_rules()["Rules"]
        self.assertEqual([one["Arn"] for one in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]], [topic])
        (dashboard,) = boto3.client("cloudwatch", region_name=REGION).list_dashboards()["DashboardEntries"]
        self.assertEqual(dashboard["DashboardName"], CDK["functionName"])


if __name__ == "__main__":
    unittest.main()
