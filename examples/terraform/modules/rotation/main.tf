# The function for all secrets of an account and region that share a superuser: the stack of this project's template,
# with its role. One call of ../secret for each secret.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.33"
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

variable "superuser_secret_arn" {
  type        = string
  description = "ARN of the secret of the database's superuser."
}

variable "name" {
  type        = string
  default     = "mysql-rotation"
  description = "Name of the stack and of the function."
}

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "arm64 or x86_64."
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

variable "parameters" {
  type        = map(string)
  default     = {}
  description = "Other parameters of the template: pageTopicArn, kmsKeyArn, memorySize, ..."
}

locals {
  zip = "mysql-rotation-${var.architecture}.zip"
}

# Under a name of its own for each content, so that a new zip is a change of the stack.
resource "aws_s3_object" "code" {
  bucket      = var.bucket
  key         = "${filesha256("${var.release}/${local.zip}")}/${local.zip}"
  source      = "${var.release}/${local.zip}"
  source_hash = filesha256("${var.release}/${local.zip}")
}

resource "aws_cloudformation_stack" "rotation" {
  name         = var.name
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  template_body = replace(
    file("${var.release}/packaged-${var.architecture}.yaml"),
    "CodeUri: ${local.zip}",
    "CodeUri: s3://${aws_s3_object.code.bucket}/${aws_s3_object.code.key}",
  )

  parameters = merge({
    functionName        = var.name
    superuserSecretArn  = var.superuser_secret_arn
    vpcSubnetIds        = join(",", var.subnet_ids)
    vpcSecurityGroupIds = join(",", var.security_group_ids)
  }, var.parameters)
}

output "function_arn" {
  value       = aws_cloudformation_stack.rotation.outputs["RotationLambdaARN"]
  description = "ARN of the function."
}

output "function_name" {
  value       = var.name
  description = "Name of the function, a dimension of its metrics."
}

output "role_arn" {
  value       = aws_cloudformation_stack.rotation.outputs["RoleArn"]
  description = "ARN of the function's role, for the policies of keys."
}

output "log_group_name" {
  value       = aws_cloudformation_stack.rotation.outputs["LogGroupName"]
  description = "Log group of the function, which has the plans."
}
