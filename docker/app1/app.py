"""The labs' web application: one page, served to every network interface of its container."""

import signal
import sys

from flask import Flask

web = Flask("app1")


@web.get("/")
def greeting() -> str:
    return "Hello, Docker!"


if __name__ == "__main__":
    # The first process of a container is ended by no signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    web.run(host="0.0.0.0", port=5000)
