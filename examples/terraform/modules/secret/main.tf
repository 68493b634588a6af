# The rotation of one secret, and the alarm on it.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Before 5.33, rotate_immediately was not passed on, and every apply rotated.
      version = ">= 5.33"
    }
  }
}

variable "rotation" {
  type = object({
    function_arn  = string
    function_name = string
  })
  description = "The module `rotation`."
}

variable "secret_arn" {
  type        = string
  description = "Full ARN of the secret of the application's user."
}

variable "name" {
  type        = string
  description = "A short name for the alarm."
}

variable "schedule" {
  type        = string
  default     = null
  description = "Cron or rate, in UTC. By default once a month, on a day and at an hour that follow from the ARN, so that secrets do not all rotate at once."
}

variable "window" {
  type        = string
  default     = "3h"
  description = "Within how many hours after the time of the schedule Secrets Manager may begin."
}

variable "alarm_topic_arn" {
  type        = string
  default     = null
  description = "SNS topic that is told when a rotation failed and has not ended well since."
}

locals {
  # 0 to 255, the same for each plan.
  spread = parseint(substr(sha256(var.secret_arn), 0, 2), 16)
  cron   = "cron(0 ${local.spread % 4} ${1 + local.spread % 28} * ? *)"
}

resource "aws_secretsmanager_secret_rotation" "this" {
  secret_id           = var.secret_arn
  rotation_lambda_arn = var.rotation.function_arn
  # The first rotation is the owner's to start, after reading its plan in the log.
  rotate_immediately = false

  rotation_rules {
    schedule_expression = coalesce(var.schedule, local.cron)
    duration            = var.window
  }
}

# Values come with failures and with the ends of rotations alone: a missing one leaves the alarm as it is.
resource "aws_cloudwatch_metric_alarm" "unfinished" {
  count               = var.alarm_topic_arn == null ? 0 : 1
  alarm_name          = "mysql-rotation-unfinished-${var.name}"
  alarm_description   = "A rotation of ${var.secret_arn} failed and has not ended well since: docs/runbooks.md, A rotation is stuck."
  namespace           = "SecretsManagerMySQLRotation"
  metric_name         = "unfinished"
  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "ignore"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]

  dimensions = {
    function = var.rotation.function_name
    secret   = var.secret_arn
  }
}
