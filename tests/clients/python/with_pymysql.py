"""PyMySQL, which has no pool of its own: a login for each connection.

usage: with_pymysql.py [without-cryptography]
"""

import os
import sys
import tempfile

WITHOUT = sys.argv[1:] == ["without-cryptography"]
if WITHOUT:
    sys.modules["cryptography"] = None  # as where the package is not installed

import dj_database_url
import environ
import pymysql
from dotenv import dotenv_values
from orders import CA_FILE, DOTENV, OPTION_FILE, EachConnection, serve


def connect(login, tls=True):
    return pymysql.connect(
        host=login["host"],
        port=int(login["port"]),
        user=login["username"],
        password=login["password"],
        connect_timeout=10,
        **({"ssl": {"ca": CA_FILE}} if tls else {"ssl_disabled": True}),
    )


def current_user(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_USER(), CONNECTION_ID()")
        return list(cursor.fetchone())


# The forms into which a password is pasted


def written(text):
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(text)
    return file.name


def of_option_file(text):
    name = written(text)
    try:
        return pymysql.connect(read_default_file=name)
    finally:
        os.unlink(name)


def of_dotenv(text):
    name = written(text)
    try:
        values = dotenv_values(name)
    finally:
        os.unlink(name)
    return connect({key.lower(): value for key, value in values.items()}, tls=False)


def of_database_url(text):
    return of_django(dj_database_url.parse(text))


def of_environ(text):
    return of_django(environ.Env.db_url_config(text))


def of_django(settings):
    names = {"username": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return connect({ours: settings[theirs] for ours, theirs in names.items()}, tls=False)


if __name__ == "__main__":
    serve(
        "PyMySQL",
        connect,
        current_user,
        lambda get_login: EachConnection(connect, get_login),
        {}
        if WITHOUT
        else {
            "option file": (OPTION_FILE, of_option_file),
            ".env of python-dotenv": (DOTENV, of_dotenv),
            "URL of dj-database-url": ("mysql://USER:PASSWORD@HOST:PORT/", of_database_url),
            "URL of django-environ": ("mysql://USER:PASSWORD@HOST:PORT/", of_environ),
        },
    )
