"""AWS's caching library for Python, with PyMySQL: what is cached, and at a failure once past the cache."""

import json
import os

import pymysql
from aws_secretsmanager_caching import SecretCache
from orders import secrets_manager, serve
from with_pymysql import connect, current_user

SECRET = os.environ["SECRET"]


class Pool:
    def __init__(self, get_login):
        self.cache = SecretCache(client=secrets_manager)

    def take(self):
        try:
            return connect(json.loads(self.cache.get_secret_string(SECRET)))
        except pymysql.Error:
            self.cache.refresh_secret_now(SECRET)  # waits for some seconds before it asks
            return connect(json.loads(self.cache.get_secret_string(SECRET)))


if __name__ == "__main__":
    serve("aws-secretsmanager-caching", connect, current_user, Pool)
