"""Installs, starts, runs and stops the local stack; nothing else starts a server.

    python3 dev/stack.py setup [PART ...]
    python3 dev/stack.py servers
    python3 dev/stack.py run [--with SERVER,... | --with all] -- COMMAND ...

`setup` installs everything that most targets need, or some parts. `servers` lists the servers that there are: the three that Debian packages,
and those that were unpacked (see builds.py). `run` installs what it needs, starts the servers (MySQL alone unless
--with says otherwise) with Secrets Manager, RDS and IAM (moto) on free loopback ports, runs the command, stops all
that was started, and exits with the command's code. A server is named as in the list, or by the beginning of its name.
The command's environment has:

MYSQL_URL                       root's login at the first server, be it MySQL or MariaDB
MYSQL_CA_FILE                   the authority of the servers' certificates
MYSQL_OTHER_CA_FILE             an authority that signed none of them
AWS_ENDPOINT_URL, AWS_REGION, AWS_...    Secrets Manager, RDS, IAM, STS
STACK_URL                       the control endpoint, which lists all servers (see control.py)
PATH                            with `aws`, `cfn-lint` and Python of the environment first

A MYSQL_URL that is set already names the only server, of any family, and MYSQL_CA_FILE is then the caller's too (without
it, TLS is not used); what needs to configure or restart a server is not possible there. Settings of rotations (ROTATION_...) are described in
rotations.py. The servers do not resolve names: every client's host is 127.0.0.1.
"""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # before the modules beside this one are read: they leave no folder there

import argparse
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import builds
import control
import packages
from aws import Aws
from builds import Build, Given
from packages import BESIDE, DEV, HOME, OLD, PARTS, Missing
from processes import end_guard, free_port, kill_session, start_guard, tell_guard

COMMAND_SECONDS = 20


class Interrupted(Exception):
    """A signal asked the stack to stop."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    setup = commands.add_parser("setup", help="install parts")
    setup.add_argument("parts", nargs="*", choices=[*PARTS, *OLD, *BESIDE, []], metavar="PART", help=", ".join([*PARTS, *OLD, *BESIDE]))
    commands.add_parser("servers", help="list the servers that can be started")
    run = commands.add_parser("run", help="start the stack and run a command")
    run.add_argument("--with", dest="servers", default="mysql", help="servers, separated by commas, or `all`")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    arguments = parser.parse_args()
    try:
        if arguments.command == "setup":
            packages.setup(arguments.parts or PARTS)
            return 0
        if arguments.command == "servers":
            print("\n".join(f"{name:<16} {what}" for name, what in builds.listed()))
            return 0
        argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
        if not argv:
            run.error("which command?")
        return run_with_stack(arguments.servers, argv)
    except Missing as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    except Interrupted as error:
        return 128 + error.args[0]


def run_with_stack(wanted: str, argv: list[str]) -> int:
    packages.setup(["python", "emulator"], quiet=True)
    given = builds.given()
    chosen = [given] if given else builds.choose(wanted)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, interrupt)
    folder = Path(tempfile.mkdtemp(prefix="stack-"))
    start_guard(folder)
    clean_up: list[Callable[[], None]] = [end_guard, lambda: shutil.rmtree(folder, ignore_errors=True)]
    try:
        env = start_stack(chosen, folder, clean_up)
        return run_command(argv, env, clean_up)
    finally:
        # A second signal must not leave half of it running.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for action in reversed(clean_up):
            action()


def interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


def start_stack(chosen: list[Build | Given], folder: Path, clean_up: list[Callable[[], None]]) -> dict[str, str]:
    """Starts moto, the control endpoint and the servers; the environment of the command."""
    control_port = free_port()
    stack_url = f"http://127.0.0.1:{control_port}"
    moto = Aws("moto", folder, stack_url)
    aws = {
        "AWS_ENDPOINT_URL": moto.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    python = packages.root("python") / "bin" / "python"
    moto.start()
    clean_up.append(moto.stop)

    mine = [build for build in chosen if isinstance(build, Build)]
    stack = control.Stack(folder, certificates(python), aws, stack_url, builds.installed(mine) if mine else [])
    clean_up.append(stack.close)
    with ThreadPoolExecutor() as pool:
        servers = list(pool.map(lambda one: stack.add_shared(one), chosen))
    server = control.serve(stack, aws["AWS_ENDPOINT_URL"], control_port)
    clean_up.append(server.shutdown)
    moto.wait()

    env = {**os.environ, **aws, "STACK_URL": stack_url, "MOTO_LOG": str(moto.log)}
    env["MYSQL_OTHER_CA_FILE"] = str(stack.certificates / "other-ca.pem")
    first = servers[0].describe()
    env["MYSQL_URL"], env["MYSQL_CA_FILE"] = str(first["url"]), str(first["ca_file"])
    env["PATH"] = f"{python.parent}{os.pathsep}{env.get('PATH', '')}"
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):  # the developer's own must not win over the test values
        env.pop(name, None)
    return env


def certificates(python: Path) -> Path:
    folder = HOME / "tls"
    if not all((folder / name).exists() for name in ("ca.pem", "version-1.pem")):
        folder.mkdir(mode=0o700, exist_ok=True)
        subprocess.run([str(python), str(DEV / "certificates.py"), str(folder)], check=True)
    return folder


def run_command(argv: list[str], env: dict[str, str], clean_up: list[Callable[[], None]]) -> int:
    # In a terminal the command stays in the foreground group, so that it can read and gets Ctrl-C itself; elsewhere
    # it has a session of its own, so that its children are stopped with it.
    own_group = not sys.stdin.isatty()
    try:
        command = subprocess.Popen(argv, env=env, start_new_session=own_group)
    except OSError as error:
        raise Missing(f"{argv[0]} cannot be run: {error.strerror}.") from error
    clean_up.append(lambda: end_command(command, own_group))
    if own_group:
        tell_guard(f"+{command.pid}")
    code = command.wait()
    tell_guard(f"-{command.pid}")
    return code if code >= 0 else 128 - code


def end_command(command: subprocess.Popen[bytes], own_group: bool) -> None:
    """Asks a command that is still running to end, then what is left of its group."""
    send = os.killpg if own_group else os.kill
    if command.poll() is None:
        send(command.pid, signal.SIGTERM)
        try:
            command.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            send(command.pid, signal.SIGKILL)
            command.wait()
    if own_group:
        kill_session(command.pid)


if __name__ == "__main__":
    sys.exit(main())
