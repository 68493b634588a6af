"""mysqlclient (MySQLdb), which has no pool of its own: a login for each connection."""

import os
import tempfile

import MySQLdb
from orders import CA_FILE, OPTION_FILE, EachConnection, serve


def connect(login, tls=True):
    return MySQLdb.connect(
        host=login["host"],
        port=int(login["port"]),
        user=login["username"],
        password=login["password"],
        connect_timeout=10,
        **({"ssl": {"ca": CA_FILE}} if tls else {}),
    )


def current_user(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT CURRENT_USER(), CONNECTION_ID()")
    return list(cursor.fetchone())


def of_option_file(text):
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(text)
    try:
        return MySQLdb.connect(read_default_file=file.name)
    finally:
        os.unlink(file.name)


if __name__ == "__main__":
    serve(
        "mysqlclient",
        connect,
        current_user,
        lambda get_login: EachConnection(connect, get_login),
        {"option file": (OPTION_FILE, of_option_file)},
    )
