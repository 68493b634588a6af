#!/usr/bin/env python3
"""Measures how long the function takes to start, and how much memory it has then.

    python3 benches/start.py PROGRAM

The time is from the start of the program to its first request for work, as Lambda's initialization is.
"""

import http.server
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time

RUNS = 20


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    runs = [start(sys.argv[1]) for _ in range(RUNS)]
    times, memory = zip(*runs)
    print(f"{RUNS} starts: median {statistics.median(times):.1f} ms, slowest {max(times):.1f} ms, "
          f"memory {statistics.median(memory) / 1024:.1f} MiB")


def start(program):
    asked = threading.Event()

    class Runtime(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.set()
            # The function waits for work that never comes.
            done.wait()

        def log_message(self, *_):
            pass

    done = threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Runtime) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % server.server_port,
            "AWS_LAMBDA_FUNCTION_NAME": "start",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_LOG_STREAM_NAME": "start",
            "AWS_LAMBDA_LOG_GROUP_NAME": "start",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }
        before = time.monotonic()
        process = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL)
        try:
            if not asked.wait(30):
                sys.exit(f"{program} did not ask for work within 30 s")
            milliseconds = (time.monotonic() - before) * 1000
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            return milliseconds, int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
        finally:
            process.kill()
            process.wait()
            done.set()
            server.shutdown()


if __name__ == "__main__":
    main()
