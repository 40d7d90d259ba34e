"""The labs' web application: one page, served to every network interface of its container."""

from flask import Flask

web = Flask("app1")


@web.get("/")
def greeting() -> str:
    return "Hello, Docker!"


if __name__ == "__main__":
    web.run(host="0.0.0.0", port=5000)
