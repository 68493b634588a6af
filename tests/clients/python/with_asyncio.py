"""aiomysql and asyncmy: a pool keeps the login that it was made with, so a new login gets a new pool.

usage: with_asyncio.py aiomysql | asyncmy
"""

import importlib
import ssl
import sys

from orders import CA_FILE, serve

PACKAGE = sys.argv[1]
driver = importlib.import_module(PACKAGE)
# asyncmy takes the context as it is, aiomysql too.
TLS = ssl.create_default_context(cafile=CA_FILE)


def settings(login, tls=True):
    return {
        "host": login["host"],
        "port": int(login["port"]),
        "user": login["username"],
        "password": login["password"],
        "connect_timeout": 10,
        **({"ssl": TLS} if tls else {}),
    }


async def connect(login, tls=True):
    return await driver.connect(**settings(login, tls))


async def current_user(connection):
    async with connection.cursor() as cursor:
        await cursor.execute("SELECT CURRENT_USER(), CONNECTION_ID()")
        return list(await cursor.fetchone())


class Pool:
    """What is taken from the pool of an old login is in use until it is given back; then that pool is gone."""

    def __init__(self, get_login):
        self.get_login, self.login, self.pool = get_login, None, None

    async def take(self):
        login = self.get_login()
        if login != self.login:
            if self.pool:
                self.pool.close()
            self.pool = await driver.create_pool(minsize=0, maxsize=10, **settings(login))
            self.login = login
        return await self.pool.acquire()


if __name__ == "__main__":
    serve(PACKAGE, connect, current_user, Pool)
