"""What the programs here have in common: the login in the secret, and orders on standard input.

An order is one line of JSON; so is its answer. Only `login` is for an application to copy.
"""

import asyncio
import importlib.metadata
import inspect
import json
import os
import sys
from types import SimpleNamespace

import boto3

CA_FILE = os.environ["CA_FILE"]
# Forms into which people paste a login.
OPTION_FILE = "[client]\nuser=USER\npassword=PASSWORD\nhost=HOST\nport=PORT\n"
DOTENV = "USERNAME=USER\nPASSWORD=PASSWORD\nHOST=HOST\nPORT=PORT\n"
secrets_manager = boto3.client("secretsmanager")


def login() -> dict:
    """The login that is current now: user name and password, host and port."""
    answer = secrets_manager.get_secret_value(SecretId=os.environ["SECRET"])
    return json.loads(answer["SecretString"])


class EachConnection:
    """The pool of a driver that has none: connections with the login of the moment."""

    def __init__(self, connect, get_login):
        self.connect, self.get_login = connect, get_login

    def take(self):
        return self.connect(self.get_login())


def serve(package, connect, current_user, open_pool, forms=None):
    """Carries out the orders until there are no more.

    connect(login, tls) gives a connection and current_user(connection) the answer of a query; open_pool(get_login)
    gives what has a method `take`. forms has, for each form of a login as text, a sample and what logs in with such a text. Each may be a coroutine.
    """
    driver = SimpleNamespace(package=package, connect=connect, current_user=current_user, open_pool=open_pool)
    driver.forms, driver.pools = forms or {}, {}
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            print(json.dumps(runner.run(_answer(driver, json.loads(line)))), flush=True)


async def _answer(driver, order):
    try:
        return {"ok": await _carry_out(driver, order)}
    except Exception as error:  # whatever the driver raises is what is asked for
        return described(error)


async def _carry_out(driver, order):
    match order["do"]:
        case "version":
            return importlib.metadata.version(driver.package)
        case "forms":
            return {form: sample for form, (sample, _) in driver.forms.items()}
        case "login":
            connection = await _of(driver.connect(order["login"], order["tls"]))
            try:
                return await _of(driver.current_user(connection))
            finally:
                await _close(connection)
        case "open":
            fixed = order["login"]
            driver.pools[order["pool"]] = [await _of(driver.open_pool((lambda: fixed) if fixed else login))]
        case "take":
            held = driver.pools[order["pool"]]
            connection = await _of(held[0].take())
            held.append(connection)
            return await _of(driver.current_user(connection))
        case "held":
            return [await _of(driver.current_user(one)) for one in driver.pools[order["pool"]][1:]]
        case "paste":
            connection = await _of(driver.forms[order["form"]][1](order["text"]))
            try:
                return await _of(driver.current_user(connection))
            finally:
                await _close(connection)


async def _of(value):
    return await value if inspect.isawaitable(value) else value


async def _close(connection):
    await _of(connection.close())


def described(error) -> dict:
    """The class of an error, and its number where a developer finds it."""
    original = getattr(error, "orig", None) or error
    number = getattr(original, "errno", None) or next(iter(original.args), None)
    if isinstance(number, tuple):  # the C extension's
        number = next(iter(number), None)
    name = type(error).__name__
    if original is not error:
        name += f" of {type(original).__name__}"
    return {"error": name, "number": number if isinstance(number, int) else None, "message": str(error)[:300]}
