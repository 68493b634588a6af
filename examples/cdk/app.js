// A secret of a MySQL user that is rotated once a month. The function and its role are the template's.
//
//     RELEASE=folder-of-the-release npx cdk deploy --context superuserSecretArn=ARN --context userSecretArn=ARN

const path = require("node:path");
const { App, Duration, Stack, Token } = require("aws-cdk-lib");
const { CfnInclude } = require("aws-cdk-lib/cloudformation-include");
const { Role } = require("aws-cdk-lib/aws-iam");
const { Function } = require("aws-cdk-lib/aws-lambda");
const { Asset } = require("aws-cdk-lib/aws-s3-assets");
const { Secret } = require("aws-cdk-lib/aws-secretsmanager");

const release = process.env.RELEASE || ".";

class RotationStack extends Stack {
  constructor(scope, id, { userSecretArn, superuserSecretArn, parameters = {}, ...props }) {
    super(scope, id, props);
    const user = Secret.fromSecretCompleteArn(this, "User", userSecretArn);
    const superuser = Secret.fromSecretCompleteArn(this, "Superuser", superuserSecretArn);

    const code = new Asset(this, "Code", { path: path.join(release, "mysql-rotation-arm64.zip") });
    const rotation = new CfnInclude(this, "Rotation", {
      templateFile: path.join(release, "packaged-arm64.yaml"),
      parameters: { superuserSecretArn, functionName: "mysql-rotation", ...parameters },
    });
    const included = rotation.getResource("SecretsManagerRDSMySQLRotationMultiUser");
    included.codeUri = { bucket: code.s3BucketName, key: code.s3ObjectKey };

    const output = (name) => Token.asString(rotation.getOutput(name).value);

    // The role has all that it needs from the template. This reaches the policy of a key, or of a secret that is
    // made in this app; `mutable: false` keeps the role as it is.
    const role = Role.fromRoleArn(this, "Role", output("RoleArn"), { mutable: false });
    superuser.grantRead(role);

    // By its ARN, so that CDK does not add a permission to invoke it beside the template's narrower one.
    const rotationLambda = Function.fromFunctionArn(this, "Function", output("RotationLambdaARN"));
    const schedule = user.addRotationSchedule("Schedule", {
      rotationLambda,
      automaticallyAfter: Duration.days(30),
      // The first rotation is the owner's to start, after reading its plan in the log.
      rotateImmediatelyOnUpdate: false,
    });
    // CDK writes a rate, with which a rotation may come at once all the same.
    schedule.node.defaultChild.addPropertyOverride("RotationRules.ScheduleExpression", "cron(0 3 1 * ? *)");
    schedule.node.addDependency(rotation.getResource("Permission"));
  }
}

const app = new App();
new RotationStack(app, "MySqlRotation", {
  userSecretArn: app.node.tryGetContext("userSecretArn"),
  superuserSecretArn: app.node.tryGetContext("superuserSecretArn"),
});
