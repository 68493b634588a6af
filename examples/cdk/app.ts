// A secret of a MySQL user that is rotated once a month.
//
//     npm ci && npm run build
//     RELEASE=folder-of-the-release npx cdk deploy --context superuserSecretArn=ARN --context userSecretArn=ARN
import { App, Stack } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { MySqlRotation, RotatedSecret } from './lib';

const app = new App();
const stack = new Stack(app, 'MySqlRotation');
const named = (context: string) => Secret.fromSecretCompleteArn(stack, context, app.node.getContext(context));

const rotation = new MySqlRotation(stack, 'Rotation', {
  release: process.env.RELEASE ?? '.',
  superuserSecret: named('superuserSecretArn'),
});
new RotatedSecret(stack, 'App', { rotation, secret: named('userSecretArn') });
