# A secret of a MySQL user that is rotated once a month.
#
#     terraform init
#     terraform apply -var-file=values.tfvars

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

variable "host" {
  type        = string
  description = "Address of the database."
}

variable "first_password" {
  type        = string
  sensitive   = true
  description = "Password that the user `app` has now; after the first two rotations it means nothing."
}

variable "subnet_ids" {
  type    = list(string)
  default = []
}

variable "security_group_ids" {
  type    = list(string)
  default = []
}

variable "alarm_topic_arn" {
  type    = string
  default = null
}

module "rotation" {
  source               = "./modules/rotation"
  release              = var.release
  bucket               = var.bucket
  superuser_secret_arn = var.superuser_secret_arn
  subnet_ids           = var.subnet_ids
  security_group_ids   = var.security_group_ids
}

resource "aws_secretsmanager_secret" "app" {
  name = "app/mysql"
}

resource "aws_secretsmanager_secret_version" "app" {
  secret_id = aws_secretsmanager_secret.app.id
  secret_string = jsonencode({
    engine   = "mysql"
    host     = var.host
    username = "app"
    password = var.first_password
  })

  # From the first rotation on the value is the function's: without this, an apply would put the first one back.
  lifecycle {
    ignore_changes = [secret_string, version_stages]
  }
}

module "app" {
  source          = "./modules/secret"
  name            = "app"
  rotation        = module.rotation
  secret_arn      = aws_secretsmanager_secret.app.arn
  alarm_topic_arn = var.alarm_topic_arn
  depends_on      = [aws_secretsmanager_secret_version.app]
}

# What to read before the first rotation, and how to start it.
output "next" {
  value = <<-EOT
    aws logs tail ${module.rotation.log_group_name} --since 10m
    aws secretsmanager rotate-secret --secret-id ${aws_secretsmanager_secret.app.name}
  EOT
}
