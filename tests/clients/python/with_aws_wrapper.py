"""AWS's advanced wrapper for Python, with Connector/Python: it reads the secret when a login is refused."""

import os

from aws_advanced_python_wrapper import AwsWrapperConnection
from mysql.connector import Connect
from orders import EachConnection, serve
from with_connector import connect, current_user, settings


def wrapped(login):
    arguments = settings(login)
    del arguments["user"], arguments["password"]
    return AwsWrapperConnection.connect(
        Connect,
        plugins="aws_secrets_manager",
        secrets_manager_secret_id=os.environ["SECRET"],
        secrets_manager_region=os.environ["AWS_REGION"],
        secrets_manager_endpoint=os.environ["AWS_ENDPOINT_URL"],
        **arguments,
    )


if __name__ == "__main__":
    serve("aws-advanced-python-wrapper", connect, current_user, lambda get_login: EachConnection(wrapped, get_login))
