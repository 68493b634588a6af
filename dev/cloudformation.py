"""Evaluates a CloudFormation template for given parameters: what moto leaves out, or does otherwise.

The constraints of parameters and the rules say what a stack is refused for; conditions and functions give the
resources that it would have. What is not known here is an error.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ACCOUNT = "123456789012"
NO_VALUE = object()


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms of functions."""


def _short_form(loader: Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_form)


def load(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(), Loader)


class Stack:
    """A template with parameters, before anything is made of it."""

    def __init__(
        self,
        template: dict[str, Any],
        parameters: dict[str, str] | None = None,
        *,
        region: str = "eu-central-1",
        partition: str = "aws",
        suffix: str = "amazonaws.com",
    ) -> None:
        self.template = template
        self.given = parameters or {}
        declared = template["Parameters"]
        self.values = {name: str(self.given.get(name, one.get("Default", ""))) for name, one in declared.items()}
        self.values |= {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": region,
            "AWS::Partition": partition,
            "AWS::URLSuffix": suffix,
            "AWS::StackName": "rotation",
        }

    # What a stack is refused for

    def problems(self) -> list[str]:
        """Why CloudFormation would refuse these parameters: names of parameters and of rules; none if it would not."""
        declared = self.template["Parameters"]
        found = [name for name in self.given if name not in declared]
        found += [name for name, one in declared.items() if not self._is_allowed(name, one)]
        found += [name for name, rule in self.template.get("Rules", {}).items() if not self._is_kept(rule)]
        return found

    def _is_allowed(self, name: str, declared: dict[str, Any]) -> bool:
        value = self.values[name]
        if name not in self.given and "Default" not in declared:
            return False
        if "AllowedValues" in declared and value not in map(str, declared["AllowedValues"]):
            return False
        if "AllowedPattern" in declared and not re.fullmatch(declared["AllowedPattern"], value, re.ASCII):
            return False
        if declared["Type"] == "Number":
            return value.isdecimal() and declared["MinValue"] <= int(value) <= declared["MaxValue"] if (
                "MinValue" in declared
            ) else value.isdecimal()
        return declared["Type"] == "String"

    def _is_kept(self, rule: dict[str, Any]) -> bool:
        if "RuleCondition" in rule and not self._test(rule["RuleCondition"]):
            return True
        return all(self._test(one["Assert"]) for one in rule["Assertions"])

    # What it would have

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources that would be made, with every function resolved."""
        return {
            name: {"Type": one["Type"], **self.resolve(one.get("Properties", {}))}
            for name, one in self.template["Resources"].items()
            if "Condition" not in one or self._condition(one["Condition"])
        }

    def outputs(self) -> dict[str, Any]:
        return {name: self.resolve(one["Value"]) for name, one in self.template["Outputs"].items()}

    def role_policies(self) -> list[dict[str, Any]]:
        """The documents of all policies of the role."""
        resources = self.resources()
        inline = [one["PolicyDocument"] for one in resources["Role"]["Policies"]]
        return inline + [one["PolicyDocument"] for one in resources.values() if one["Type"] == "AWS::IAM::Policy"]

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name.startswith("Fn::"):
                return self._function(name.removeprefix("Fn::"), argument)
        resolved = {key: self.resolve(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.values:
            return self.values[name]
        return self._attribute(name, "Ref")

    def _function(self, name: str, argument: Any) -> Any:
        if name == "If":
            condition, yes, no = argument
            return self.resolve(yes if self._condition(condition) else no)
        if name == "GetAtt":
            return self._attribute(*argument)
        if name == "Sub":
            text, own = argument if isinstance(argument, list) else (argument, {})
            own = self.resolve(own)
            return re.sub(r"\$\{([^!}]+)\}", lambda found: str(own.get(found[1]) or self._ref(found[1])), text)
        argument = self.resolve(argument)
        if name == "Split":
            return argument[1].split(argument[0])
        if name == "Select":
            return argument[1][int(argument[0])]
        if name == "Join":
            return argument[0].join(argument[1])
        if name in ("Equals", "Not", "And", "Or"):
            raise ValueError(f"Fn::{name} outside of a condition")
        raise ValueError(f"Fn::{name} is not evaluated here")

    def _attribute(self, resource: str, attribute: str) -> str:
        one = self.template["Resources"][resource]
        here = f"{self.values['AWS::Region']}:{ACCOUNT}"
        partition = self.values["AWS::Partition"]
        if one["Type"] == "AWS::Serverless::Function":
            name = self.values["functionName"]
            return name if attribute == "Ref" else f"arn:{partition}:lambda:{here}:function:{name}"
        if one["Type"] == "AWS::Logs::LogGroup":
            name = f"{self.values['AWS::StackName']}-{resource}-AbC123"
            return name if attribute == "Ref" else f"arn:{partition}:logs:{here}:log-group:{name}:*"
        if one["Type"] == "AWS::IAM::Role":
            return "role" if attribute == "Ref" else f"arn:{partition}:iam::{ACCOUNT}:role/role"
        raise ValueError(f"{resource}.{attribute} is not evaluated here")

    def _condition(self, name: str) -> bool:
        return self._test(self.template["Conditions"][name])

    def _test(self, value: Any) -> bool:
        ((name, argument),) = value.items()
        if name == "Condition":
            return self._condition(argument)
        if name == "Fn::Equals":
            first, second = self.resolve(argument)
            return str(first) == str(second)
        if name == "Fn::Not":
            return not self._test(argument[0])
        if name in ("Fn::And", "Fn::Or"):
            return (all if name == "Fn::And" else any)(map(self._test, argument))
        raise ValueError(f"{name} is not evaluated in a condition here")


def function_policy(permission: dict[str, Any]) -> dict[str, Any]:
    """The statement that Lambda makes of an AWS::Lambda::Permission."""
    condition: dict[str, Any] = {}
    if "SourceAccount" in permission:
        condition["StringEquals"] = {"aws:SourceAccount": permission["SourceAccount"]}
    if "SourceArn" in permission:
        condition["ArnLike"] = {"aws:SourceArn": permission["SourceArn"]}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": permission["Principal"]},
        "Action": permission["Action"],
        "Resource": permission["FunctionName"],
        "Condition": condition,
    }
    return {"Version": "2012-10-17", "Statement": [json.loads(json.dumps(statement))]}
