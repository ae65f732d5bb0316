#!/usr/bin/env python3
"""Who calls: two people are known by a bearer token, of whom one is of the crew."""
import sys

sys.path.append("lib")
from ketch_worker import serve

PEOPLE = {"Bearer ada": ("ada", ["crew"]), "Bearer eve": ("eve", [])}


def inspect(request):
    name, scope = PEOPLE.get(request.headers.get("authorization"), (None, []))
    return {"scope": scope, "claims": {"id": name}} if name else {}


serve(inspect=inspect)
