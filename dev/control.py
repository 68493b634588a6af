"""The stack's control endpoint: JSON over HTTP on loopback, for tests in any language.

POST   /servers              {"name", "args": [], "tls": true}: starts one more server, by its name or its part
GET    /servers              all servers; GET /servers/ID one
GET    /builds               the programs of which a server can be started
POST   /servers/ID/restart   {"args": [...], "name": BUILD}; without them the old ones are kept
POST   /servers/ID/stop      also /kill (SIGKILL), /freeze (SIGSTOP), /thaw
DELETE /servers/ID
POST   /clusters             {"kind", "args": []}: starts two servers that are one cluster (see clusters.py)
POST   /fronts               {"kind", "ports": [], "settings": []}: starts HAProxy or MySQL Router (see fronts.py)
DELETE /fronts/ID
GET    /clusters             the kinds that can be started; GET /fronts and GET /clients likewise
POST   /clients              {"program", "args": [], "input"}: runs a program of MySQL or MariaDB (see clients.py)
POST   /functions            {"name", "binary", "env": {}, "timeout": 30, "memory": 256}: runs a function
GET    /functions            all functions; GET /functions/NAME one
POST   /functions/NAME/restart   also /stop
DELETE /functions/NAME
POST   /aws                  one more AWS (Secrets Manager, RDS, IAM, ...), with nothing in it; DELETE /aws/ID
GET    /command-line         the folder with a program `aws` that is loaded once (see aws_cli.py)
GET    /rotations?secret=ARN&wait=SECONDS    steps so far, and whether the rotation has ended
POST   /rotations/settings                   see rotations.py

An error has a status of 400 (the request), 404 or 500 and a body {"error": "..."}.
"""

from __future__ import annotations

import itertools
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import clients
import clusters
import fronts
from aws import Aws, CommandLine
from builds import Build, Given
from functions import Function
from packages import Missing
from servers import Server


class NotFound(Exception):
    """No server or function of that name."""


class Stack:
    """Everything that is running, by name."""

    def __init__(
        self, folder: Path, certificates: Path, stack_env: dict[str, str], url: str, builds: list[Build]
    ) -> None:
        self.folder = folder
        self.certificates = certificates
        self.stack_env = stack_env
        self.url = url
        self.builds = {build.name: build for build in builds}
        self.servers: dict[str, Server | Given] = {}
        self.aws: dict[str, Aws] = {}
        self.functions: dict[str, Function] = {}
        self.fronts: dict[str, fronts.Front] = {}
        self.command_line: CommandLine | None = None
        self.lock = threading.Lock()
        self.command_line_lock = threading.Lock()
        self.closed = False
        self._numbers = itertools.count(1)

    def add_shared(self, one: Build | Given) -> Server | Given:
        """A server for everybody: a program is started."""
        if isinstance(one, Build):
            return self.add_server(one.name, [], shared=True)
        self._keep(self.servers, one.name, one)
        return one

    def add_server(self, name: str, args: list[str], tls: bool = True, shared: bool = False) -> Server:
        build = self.build(name)
        name = build.name
        id = name if shared else f"{name}-{next(self._numbers)}"
        server = Server(id, build, self.folder / id, self.certificates, shared, args, tls)
        self._keep(self.servers, id, server)
        try:
            server.create()
        except BaseException:
            self.servers.pop(id, None)
            raise
        return server

    def build(self, name: str) -> Build:
        """A program by its name, or by its part."""
        return find(self.builds, next((one.name for one in self.builds.values() if one.part == name), name))

    def add_cluster(self, kind: str, args: list[str]) -> list[Server]:
        build = self.build(find(clusters.PARTS_OF, kind)[0])
        number = next(self._numbers)
        ids = [f"{kind}-{number}-{member}" for member in (1, 2)]
        cluster = clusters.of(kind, ids, build, self.folder, self.certificates, args)
        for member in cluster.members:
            self._keep(self.servers, member.id, member)
        try:
            cluster.create()
        except BaseException:
            for member in cluster.members:
                self.servers.pop(member.id, None)
                member.kill()
            raise
        return list(cluster.members)

    def add_front(self, kind: str, ports: list[int], settings: list[str]) -> fronts.Front:
        id = f"{kind}-{next(self._numbers)}"
        front = fronts.Front(id, kind, self.folder / id, self.certificates, ports, settings)
        self._keep(self.fronts, id, front)
        try:
            front.start()
        except BaseException:
            self.fronts.pop(id, None)
            raise
        return front

    def add_function(self, wanted: dict[str, Any]) -> Function:
        name = str(wanted["name"])
        if not name.replace("-", "").replace("_", "").isalnum() or len(name) > 64:
            raise ValueError("a function's name has letters, digits, - and _, 64 at most")
        old = self.functions.pop(name, None)
        if old:
            old.stop()
        function = Function(
            name,
            Path(wanted["binary"]),
            self.folder,
            self.stack_env,
            {str(k): str(v) for k, v in wanted.get("env", {}).items()},
            int(wanted.get("timeout", 30)),
            int(wanted.get("memory", 256)),
        )
        self._keep(self.functions, name, function)
        try:
            function.start()
        except BaseException:
            self.functions.pop(name, None)
            raise
        return function

    def add_aws(self) -> Aws:
        aws = Aws(f"aws-{next(self._numbers)}", self.folder, self.url)
        self._keep(self.aws, aws.id, aws)
        aws.start()
        aws.wait()
        return aws

    def started_command_line(self) -> CommandLine:
        """Started when it is first asked for."""
        with self.command_line_lock:
            if not self.command_line:
                self.command_line = CommandLine(self.folder / "command-line")
                self.command_line.start()
            return self.command_line

    def _keep(self, known: dict[str, Any], name: str, thing: Any) -> None:
        with self.lock:
            if self.closed:
                raise Missing("The stack is being stopped.")
            known[name] = thing

    def close(self) -> None:
        """Ends every process that was started here."""
        with self.lock:
            self.closed = True
        for function in list(self.functions.values()):
            function.stop()
        for front in list(self.fronts.values()):
            front.stop()
        for server in list(self.servers.values()):
            if isinstance(server, Server):
                server.kill()
        for aws in list(self.aws.values()):
            aws.stop()
        if self.command_line:
            self.command_line.stop()


def route(stack: Stack, method: str, path: str, body: dict[str, Any]) -> Any:
    kind, name, action = (path.strip("/").split("/") + ["", ""])[:3]
    if kind == "servers":
        return route_server(stack, method, name, action, body)
    if kind == "functions":
        return route_function(stack, method, name, action, body)
    if kind in ("clients", "clusters", "fronts"):
        return route_beside(stack, kind, method, name, body)
    if kind == "builds" and method == "GET":
        return [build.describe() for build in stack.builds.values()]
    if kind == "aws" and method == "POST":
        return stack.add_aws().describe()
    if kind == "command-line" and method == "GET":
        return stack.started_command_line().describe()
    if kind == "aws" and method == "DELETE":
        find(stack.aws, name).stop()
        stack.aws.pop(name)
        return {}
    raise NotFound(path)


def route_server(stack: Stack, method: str, name: str, action: str, body: dict[str, Any]) -> Any:
    if method == "GET" and not name:
        return [server.describe() for server in list(stack.servers.values())]
    if method == "POST" and not name:
        return stack.add_server(body["name"], list(body.get("args", [])), bool(body.get("tls", True))).describe()
    server = find(stack.servers, name)
    if isinstance(server, Given):
        if method != "GET":
            raise ValueError(f"{name} is the server of MYSQL_URL, which is not the stack's to stop or to change")
        return server.describe()
    if method == "DELETE":
        with server.lock:
            stack.servers.pop(name, None)
            server.delete()
        return {}
    actions: dict[str, Callable[[], None]] = {
        "": lambda: None,
        "restart": lambda: server.restart(body.get("args"), stack.build(body["name"]) if "name" in body else None),
        "stop": server.stop,
        "kill": server.kill,
        "freeze": server.freeze,
        "thaw": server.thaw,
    }
    with server.lock:
        find(actions, action)()
    return server.describe()


def route_beside(stack: Stack, kind: str, method: str, name: str, body: dict[str, Any]) -> Any:
    if method == "GET":
        return {"clients": clients, "clusters": clusters, "fronts": fronts}[kind].available()
    if kind == "clients":
        return clients.run(body["program"], body["args"], body["input"])
    if method == "DELETE":
        stack.fronts.pop(name, find(stack.fronts, name)).delete()
        return {}
    if kind == "clusters":
        return [member.describe() for member in stack.add_cluster(body["kind"], list(body.get("args", [])))]
    return stack.add_front(body["kind"], list(body["ports"]), list(body.get("settings", []))).describe()


def route_function(stack: Stack, method: str, name: str, action: str, body: dict[str, Any]) -> Any:
    if method == "GET" and not name:
        return [function.describe() for function in list(stack.functions.values())]
    if method == "POST" and not name:
        return stack.add_function(body).describe()
    function = find(stack.functions, name)
    if method == "DELETE":
        stack.functions.pop(name, None)
        function.stop()
        return {}
    actions: dict[str, Callable[[], None]] = {"": lambda: None, "restart": function.restart, "stop": function.stop}
    find(actions, action)()
    return function.describe()


def find(known: dict[str, Any], name: str) -> Any:
    try:
        return known[name]
    except KeyError:
        raise NotFound(f"there is no {name}; there is {', '.join(filter(None, known))}") from None


def serve(stack: Stack, moto_url: str, port: int) -> ThreadingHTTPServer:
    """Answers requests in the background until `shutdown` is called on the result."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                if self.path.startswith("/rotations"):
                    self.answer(*forward(moto_url + self.path, self.command, content))
                    return
                body = json.loads(content or b"{}")
                self.answer(200, route(stack, self.command, self.path.partition("?")[0], body))
            except NotFound as error:
                self.answer(404, {"error": str(error)})
            except (KeyError, TypeError, ValueError) as error:
                self.answer(400, {"error": f"{type(error).__name__}: {error}"})
            except (Missing, OSError) as error:
                self.answer(500, {"error": str(error)})

        do_GET = do_POST = do_DELETE = handle_request

        def answer(self, status: int, value: Any) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the output is the command's."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def forward(url: str, method: str, content: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(url, content or None, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=900) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
