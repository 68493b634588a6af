"""The AWS CLI, loaded once: to load it takes longer than most of its commands.

usage: aws_cli.py FOLDER

Makes the program FOLDER/aws. Whenever it is run, a copy of this process calls the CLI's own entry point with its
arguments, environment, working folder and files.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from awscli import clidriver

PROGRAM = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    socket.send_fds(connection, [b"."], [0, 1, 2])
    connection.sendall(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode())
    connection.shutdown(socket.SHUT_WR)
    sys.exit(int(connection.recv(4) or 255))
"""


def main(folder: Path) -> None:
    clidriver.create_clidriver()  # loads what each command needs
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    address = str(folder / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        program = folder / "new"
        program.write_text(PROGRAM.format(python=sys.executable, address=address))
        program.chmod(0o700)
        program.rename(folder / "aws")
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    run(connection)


def run(connection: socket.socket) -> None:
    """The command line of a client, of which this process is the copy."""
    code = 255
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, file in enumerate(socket.recv_fds(connection, 1, 3)[1]):
            os.dup2(file, number)
            os.close(file)
        with connection.makefile() as order:
            arguments, environment, working_folder = json.load(order)
        found_at_start = os.environ["AWS_DATA_PATH"]  # where the CLI found its own data when it was loaded
        os.environ.clear()
        os.environ.update(environment, AWS_DATA_PATH=found_at_start)
        os.chdir(working_folder)
        sys.argv[:] = ["aws", *arguments]
        code = clidriver.main()
        sys.stdout.flush()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        connection.sendall(str(code).encode())
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
