/**
 * The rotation of MySQL and MariaDB users in Secrets Manager: one MySqlRotation for all secrets that share a superuser,
 * and one RotatedSecret for each secret. The function and its role are those of this project's template.
 */
import { createHash } from 'node:crypto';
import * as path from 'node:path';
import { Annotations, Duration, Names, NestedStack, Token } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { IKey } from 'aws-cdk-lib/aws-kms';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { CfnRotationSchedule, ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

export interface MySqlRotationProps {
  /** Folder with the zip and the packaged template of a release. */
  readonly release: string;
  /** Processor of the function. */
  readonly architecture?: 'arm64' | 'x86_64';
  /** The login of the database's superuser. */
  readonly superuserSecret: ISecret;
  /** Key of the superuser secret, if it has one of your own. Its policy must leave access to IAM. */
  readonly superuserKey?: IKey;
  /** Keys of the secrets that are rotated, if they have any of your own. Their policies must leave access to IAM. */
  readonly keys?: IKey[];
  /** Network from which the database is reached; needed with `securityGroups`. */
  readonly vpc?: ec2.IVpc;
  readonly vpcSubnets?: ec2.SubnetSelection;
  readonly securityGroups?: ec2.ISecurityGroup[];
  /** Told when applications are refused now, or may be. */
  readonly pageTopic?: ITopic;
  /** Told of every step that fails; nothing of it needs to wake anybody. */
  readonly alarmTopic?: ITopic;
  /** Name of the function. */
  readonly functionName?: string;
  /** Other parameters of the template. */
  readonly parameters?: { [name: string]: string };
}

/** The function, in a nested stack. */
export class MySqlRotation extends Construct {
  public readonly functionArn: string;
  public readonly functionName: string;
  public readonly roleArn: string;
  public readonly logGroupName: string;
  /** What Secrets Manager needs before a secret can point to the function. */
  public readonly dependency: NestedStack;

  constructor(scope: Construct, id: string, props: MySqlRotationProps) {
    super(scope, id);
    const architecture = props.architecture ?? 'arm64';
    const zip = path.join(props.release, `mysql-rotation-${architecture}.zip`);
    this.functionName = props.functionName ?? Names.uniqueResourceName(this, { maxLength: 64, allowedSpecialCharacters: '-_' });
    const subnets = props.vpc?.selectSubnets(props.vpcSubnets).subnetIds ?? [];
    const groups = props.securityGroups?.map((group) => group.securityGroupId) ?? [];

    const nested = new NestedStack(this, 'Stack');
    this.dependency = nested;
    const code = new Asset(this, 'Code', { path: zip });
    const included = new CfnInclude(nested, 'Template', {
      templateFile: path.join(props.release, `packaged-${architecture}.yaml`),
      parameters: {
        functionName: this.functionName,
        superuserSecretArn: props.superuserSecret.secretArn,
        architecture,
        ...given('superuserSecretKmsKeyArn', props.superuserKey && [props.superuserKey.keyArn]),
        ...given('kmsKeyArn', props.keys?.map((key) => key.keyArn)),
        ...given('vpcSubnetIds', subnets),
        ...given('vpcSecurityGroupIds', groups),
        ...given('pageTopicArn', props.pageTopic && [props.pageTopic.topicArn]),
        ...given('alarmTopicArn', props.alarmTopic && [props.alarmTopic.topicArn]),
        ...props.parameters,
      },
    });
    const rotation = included.getResource('SecretsManagerRDSMySQLRotationMultiUser') as any;
    rotation.codeUri = { bucket: code.s3BucketName, key: code.s3ObjectKey };

    // For cdk-nag, without a dependency on it.
    const reason = 'Instances and clusters are only described; the parameter rdsResourceArns names them one by one.';
    const policy = included.getResource('RdsPolicy');
    policy.addMetadata('cdk_nag', { rules_to_suppress: [{ id: 'AwsSolutions-IAM5', reason }] });

    const output = (name: string) => Token.asString(included.getOutput(name).value);
    this.functionArn = output('RotationLambdaARN');
    this.roleArn = output('RoleArn');
    this.logGroupName = output('LogGroupName');

    // The template's rules and conditions see to what these say of a default that is empty, and of parameters with the
    // word secret or password in their names, which hold ARNs and switches.
    for (const rule of ['W1030', 'W2509']) {
      Annotations.of(nested).acknowledgeWarning(`CloudFormation-Validate::${rule}`, 'checked by the tests of the template');
    }
  }
}

export interface RotatedSecretProps {
  readonly rotation: MySqlRotation;
  /** The login of the application's user. */
  readonly secret: ISecret;
  /** Cron or rate, in UTC. By default once a month, on a day and at an hour that follow from the construct's path. */
  readonly schedule?: string;
  /** Within which time after that Secrets Manager may begin; whole hours. */
  readonly window?: Duration;
  /** Told when a rotation failed and has not ended well since. */
  readonly alarmTopic?: ITopic;
}

/** The rotation of one secret, and the alarm on it. */
export class RotatedSecret extends Construct {
  /** Rings while a rotation that failed has not ended well. */
  public readonly unfinished: cloudwatch.Alarm;

  constructor(scope: Construct, id: string, props: RotatedSecretProps) {
    super(scope, id);
    const { rotation, secret } = props;
    const schedule = new CfnRotationSchedule(this, 'Schedule', {
      secretId: secret.secretArn,
      rotationLambdaArn: rotation.functionArn,
      // The first rotation is the owner's to start, after reading its plan in the log.
      rotateImmediatelyOnUpdate: false,
      rotationRules: {
        scheduleExpression: props.schedule ?? spread(this.node.path),
        duration: `${(props.window ?? Duration.hours(3)).toHours()}h`,
      },
    });
    schedule.node.addDependency(rotation.dependency);

    // Values come with failures and with the ends of rotations alone: a missing one leaves the alarm as it is.
    this.unfinished = new cloudwatch.Alarm(this, 'Unfinished', {
      alarmDescription: 'A rotation failed and has not ended well since: docs/runbooks.md, A rotation is stuck.',
      metric: new cloudwatch.Metric({
        namespace: 'SecretsManagerMySQLRotation',
        metricName: 'unfinished',
        dimensionsMap: { function: rotation.functionName, secret: secret.secretFullArn ?? secret.secretArn },
        statistic: cloudwatch.Stats.MINIMUM,
        period: Duration.minutes(5),
      }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.IGNORE,
    });
    if (props.alarmTopic) {
      const action = new SnsAction(props.alarmTopic);
      this.unfinished.addAlarmAction(action);
      this.unfinished.addOkAction(action);
    }
  }
}

function given(name: string, values: string[] | undefined): { [name: string]: string } {
  return values?.length ? { [name]: values.join(',') } : {};
}

/** A day and an hour that differ between secrets, so that they do not all rotate at once. */
function spread(place: string): string {
  const [byte] = createHash('sha256').update(place).digest();
  return `cron(0 ${byte % 4} ${1 + (byte % 28)} * ? *)`;
}
