"""The commands `mysql` and `mariadb`: the password goes in by an option file, and never onto the command line.

usage: with_command.py NAME VERSION COMMAND ...
"""

import json
import os
import re
import subprocess
import sys
import tempfile

from orders import CA_FILE, DOTENV, OPTION_FILE, login as current_login

NAME, VERSION, *COMMAND = sys.argv[1:]
TLS = {
    "mysql": [f"--ssl-ca={CA_FILE}", "--ssl-mode=VERIFY_CA"],
    "mariadb": [f"--ssl-ca={CA_FILE}", "--ssl-verify-server-cert"],
}[NAME]
PLAIN = {"mysql": ["--ssl-mode=DISABLED"], "mariadb": ["--skip-ssl"]}[NAME]


class Refused(Exception):
    pass


QUERY = ["--batch", "--skip-column-names", "--execute=SELECT CURRENT_USER(), CONNECTION_ID()"]


def run(command, folder=None):
    """Logs in and asks who it is; the commands keep no session."""
    done = subprocess.run([*command, *QUERY], capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise Refused(done.stderr.strip())
    user, id = done.stdout.split()
    return [user, int(id)]


def of_option_file(text, flags):
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as file:
        file.write(text)
        file.flush()
        return run([*COMMAND, f"--defaults-file={file.name}", *flags])


def connect(login, tls=True):
    # In double quotes nothing but a backslash means something.
    password = login["password"].replace("\\", "\\\\")
    text = f'[client]\nhost={login["host"]}\nport={login["port"]}\nuser={login["username"]}\npassword="{password}"\n'
    return of_option_file(text, TLS if tls else PLAIN)


def of_shell(text):
    """A .env file that a shell reads."""
    # In a folder of its own, since a shell takes ">name" for a file to be written.
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/.env", "w") as file:
        file.write(text)
        file.flush()
        script = 'set -a; . "$0"; MYSQL_PWD=$PASSWORD exec "$@" --host="$HOST" --port="$PORT" --user="$USERNAME"'
        # An option that comes later counts; --no-defaults must come first.
        return run(["sh", "-c", script, file.name, *COMMAND, "--no-defaults", *PLAIN], folder)


FORMS = {
    "option file": (OPTION_FILE, lambda text: of_option_file(text, PLAIN)),
    "option file, in quotes": (OPTION_FILE.replace("PASSWORD", '"PASSWORD"'), lambda text: of_option_file(text, PLAIN)),
    ".env that sh reads": (DOTENV, of_shell),
    ".env that sh reads, in single quotes": (DOTENV.replace("=PASSWORD", "='PASSWORD'"), of_shell),
}
LOGINS = {}


def carry_out(order):
    match order["do"]:
        case "version":
            return VERSION
        case "forms":
            return {form: sample for form, (sample, _) in FORMS.items()}
        case "login":
            return connect(order["login"], order["tls"])
        case "open":
            LOGINS[order["pool"]] = order["login"]
        case "take":
            return connect(LOGINS[order["pool"]] or current_login())
        case "held":
            return []
        case "paste":
            return FORMS[order["form"]][1](order["text"])


for line in sys.stdin:
    try:
        answer = {"ok": carry_out(json.loads(line))}
    except Refused as refused:
        number = re.search(r"ERROR (\d+)", str(refused))
        answer = {"error": "exit code 1", "number": int(number[1]) if number else None, "message": str(refused)[:300]}
    print(json.dumps(answer), flush=True)
