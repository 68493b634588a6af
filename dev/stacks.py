"""CloudFormation on the local stack, where moto differs: parameters are checked, and the serverless macro is run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import yaml
from moto.awslambda.models import LambdaFunction
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend

from cloudformation import Loader, Stack
from packages import DEV, is_installed, root

MACRO = "AWS::Serverless-2016-10-31"


def prepared(template: str, parameters: dict[str, Any]) -> str:
    """The template after the macro; refuses what CloudFormation would refuse before."""
    document = yaml.load(template, Loader)
    if document.get("Transform") != MACRO:
        return template
    problems = Stack(document, parameters).problems() if "Parameters" in document else []
    if problems:
        raise ValidationError(message=f"Parameters or rules are not met: {', '.join(problems)}")
    if not is_installed("sam"):
        raise ValidationError(message=f"Transform {MACRO} is not installed: run `python3 dev/stack.py setup sam`")
    program = [root("sam") / "bin" / "python", DEV / "transform.py", "/dev/stdin"]
    run = subprocess.run(program, input=template, capture_output=True, text=True)
    if run.returncode:
        raise ValidationError(message=f"Transform {MACRO} failed with: {run.stderr[-1000:]}")
    return run.stdout


def with_macro(make: Callable[..., Any], before: int) -> Callable[..., Any]:
    """A call whose template is argument number `before`, and whose parameters are the next one."""

    def made(self: CloudFormationBackend, *arguments: Any, **named: Any) -> Any:
        # moto gives both by name or both by position.
        if "template" in named:
            named["template"] = prepared(named["template"], named["parameters"])
        else:
            given = list(arguments)
            given[before] = prepared(given[before], given[before + 1])
            arguments = tuple(given)
        return make(self, *arguments, **named)

    return made


moto_execute = CloudFormationBackend.execute_change_set


def execute_change_set(self: CloudFormationBackend, change_set_name: str, stack_name: str | None = None) -> None:
    """moto leaves a stack that a change set made without its outputs."""
    moto_execute(self, change_set_name, stack_name)
    stack = self.stacks[self.describe_change_set(change_set_name).stack_id]
    stack._parse_template()
    stack.output_map = stack._create_output_map()


moto_configuration = LambdaFunction.get_configuration


def get_configuration(self: LambdaFunction, *arguments: Any, **named: Any) -> dict[str, Any]:
    """Variables of an environment are texts; moto keeps a parameter that is a number."""
    self.environment_vars = {name: str(value) for name, value in self.environment_vars.items()}
    return moto_configuration(self, *arguments, **named)


def install() -> None:
    LambdaFunction.get_configuration = get_configuration
    CloudFormationBackend.execute_change_set = execute_change_set
    CloudFormationBackend.create_stack = with_macro(CloudFormationBackend.create_stack, 1)
    CloudFormationBackend.create_change_set = with_macro(CloudFormationBackend.create_change_set, 2)
