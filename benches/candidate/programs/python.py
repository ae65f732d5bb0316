#!/usr/bin/env python3
"""Greets, as a worker or as a program for each call."""
import sys

sys.path.append("../../../sdk/worker-python")
from ketch_worker import serve


def greet(call):
    return {"text": "Hello, " + call.args["name"]}


serve(greet)
