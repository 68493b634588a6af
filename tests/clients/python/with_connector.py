"""MySQL Connector/Python: its pool is told the login of the moment before a connection is taken."""

import os
import sys
import tempfile

import mysql.connector
from mysql.connector.pooling import MySQLConnectionPool
from orders import CA_FILE, OPTION_FILE, serve

PURE = "pure" in sys.argv[1:]  # Python instead of the C extension


def settings(login, tls=True):
    return {
        "host": login["host"],
        "port": int(login["port"]),
        "user": login["username"],
        "password": login["password"],
        "connection_timeout": 10,
        "use_pure": PURE,
        **({"ssl_ca": CA_FILE, "ssl_verify_cert": True} if tls else {"ssl_disabled": True}),
    }


def connect(login, tls=True):
    return mysql.connector.connect(**settings(login, tls))


def current_user(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_USER(), CONNECTION_ID()")
        return list(cursor.fetchone())


class Pool:
    def __init__(self, get_login):
        self.get_login = get_login
        self.login = get_login()
        self.pool = MySQLConnectionPool(pool_size=8, **settings(self.login))

    def take(self):
        login = self.get_login()
        if login != self.login:  # connections that are in use go on
            self.pool.set_config(**settings(login))
            self.login = login
        return self.pool.get_connection()


def of_option_file(text):
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(text)
    try:
        return mysql.connector.connect(option_files=file.name, use_pure=PURE)
    finally:
        os.unlink(file.name)


if __name__ == "__main__":
    if not PURE and not mysql.connector.HAVE_CEXT:
        sys.exit("the C extension of Connector/Python does not load here")
    serve("mysql-connector-python", connect, current_user, Pool, {"option file": (OPTION_FILE, of_option_file)})
