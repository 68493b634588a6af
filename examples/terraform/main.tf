# A secret of a MySQL user that is rotated once a month. The function and its role are the stack's.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.30"
    }
  }
}

variable "release" {
  type        = string
  description = "Folder with the zip and the packaged template of a release."
}

variable "bucket" {
  type        = string
  description = "Bucket in the function's region, for the zip."
}

variable "user_secret_arn" {
  type        = string
  description = "ARN of the secret of the application's user."
}

variable "superuser_secret_arn" {
  type        = string
  description = "ARN of the secret of the database's superuser."
}

variable "subnet_ids" {
  type        = list(string)
  default     = []
  description = "Subnets from which the database is reached."
}

variable "security_group_ids" {
  type        = list(string)
  default     = []
  description = "Security groups of the function."
}

locals {
  zip = "mysql-rotation-arm64.zip"
}

# Under a name of its own for each content, so that a new zip is a change of the stack.
resource "aws_s3_object" "code" {
  bucket      = var.bucket
  key         = "${filesha256("${var.release}/${local.zip}")}/${local.zip}"
  source      = "${var.release}/${local.zip}"
  source_hash = filesha256("${var.release}/${local.zip}")
}

resource "aws_cloudformation_stack" "rotation" {
  name         = "mysql-rotation"
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  template_body = replace(
    file("${var.release}/packaged-arm64.yaml"),
    "CodeUri: ${local.zip}",
    "CodeUri: s3://${aws_s3_object.code.bucket}/${aws_s3_object.code.key}",
  )

  parameters = {
    superuserSecretArn  = var.superuser_secret_arn
    vpcSubnetIds        = join(",", var.subnet_ids)
    vpcSecurityGroupIds = join(",", var.security_group_ids)
  }
}

resource "aws_secretsmanager_secret_rotation" "user" {
  secret_id           = var.user_secret_arn
  rotation_lambda_arn = aws_cloudformation_stack.rotation.outputs["RotationLambdaARN"]
  # The first rotation is the owner's to start, after reading its plan in the log.
  rotate_immediately = false

  rotation_rules {
    schedule_expression = "cron(0 3 1 * ? *)"
  }
}
