#!/usr/bin/env python3
"""Answers with what it was given: what the server let through is then held to the types of the output."""
import sys

sys.path.append("lib")
from ketch_worker import serve


def echo(call):
    return {name: value for name, value in call.args.items() if not name.startswith("_")}


serve(echo)
