#!/usr/bin/env python3
"""Writes a template as the macro AWS::Serverless would leave it.

    .dev/sam/bin/python dev/transform.py template.yaml [s3://BUCKET/KEY] > transformed.json

The place in S3 is that of the code, where the template has none. CloudFormation runs the macro by itself; moto has
none.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse


def transform(text: str, code: str | None) -> dict[str, object]:
    template = yaml_parse(text)
    for resource in template["Resources"].values():
        if code and resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = code
    return Translator({}, Parser()).translate(template, {})


if __name__ == "__main__":
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")  # the translator insists on one
    path, *code = sys.argv[1:]
    json.dump(transform(Path(path).read_text(), next(iter(code), None)), sys.stdout, indent=1)
