"""SQLAlchemy: `do_connect` puts the login of the moment into each connection that the pool opens.

usage: with_sqlalchemy.py pymysql | mysqlconnector | mysqldb
"""

import sys

from alembic.config import Config
from orders import CA_FILE, serve
from sqlalchemy import URL, NullPool, create_engine, event

DRIVER = sys.argv[1]
TLS = {
    "pymysql": {"ssl": {"ca": CA_FILE}},
    "mysqlconnector": {"ssl_ca": CA_FILE, "ssl_verify_cert": True},
    "mysqldb": {"ssl": {"ca": CA_FILE}},
}[DRIVER]
PLAIN = {"pymysql": {"ssl_disabled": True}, "mysqlconnector": {"ssl_disabled": True}, "mysqldb": {}}[DRIVER]
PASSWORD = "passwd" if DRIVER == "mysqldb" else "password"  # mysqldb's own name for it; the other changes nothing


class Pool:
    def __init__(self, get_login):
        login = get_login()
        url = URL.create(f"mysql+{DRIVER}", host=login["host"], port=int(login["port"]))
        self.engine = create_engine(url, connect_args=TLS, pool_size=10)

        @event.listens_for(self.engine, "do_connect")
        def put_login(dialect, record, arguments, parameters):
            login = get_login()
            parameters["user"], parameters[PASSWORD] = login["username"], login["password"]

    def take(self):
        return self.engine.connect()


def connect(login, tls=True):
    url = URL.create(f"mysql+{DRIVER}", login["username"], login["password"], login["host"], int(login["port"]))
    return once(url, connect_args=TLS if tls else PLAIN)


def once(url, **arguments):
    """A connection that nothing keeps when it is closed."""
    return create_engine(url, poolclass=NullPool, **arguments).connect()


def current_user(connection):
    return list(connection.exec_driver_sql("SELECT CURRENT_USER(), CONNECTION_ID()").one())


def of_url(text):
    return once(text)


def of_alembic(text):
    configuration = Config()
    configuration.set_main_option("sqlalchemy.url", text)
    return once(configuration.get_main_option("sqlalchemy.url"))


if __name__ == "__main__":
    sample = f"mysql+{DRIVER}://USER:PASSWORD@HOST:PORT/"
    forms = {"URL": (sample, of_url), "URL in Alembic's settings": (sample, of_alembic)}
    serve("SQLAlchemy", connect, current_user, Pool, forms)
