#!/usr/bin/env python3
"""The type `knots`: a speed. Text of it is written `12kn`."""
import re
import sys

sys.path.append("lib")
from ketch_worker import serve


def check(name, value):
    if isinstance(value, str):
        return re.fullmatch("[0-9]{1,3}kn", value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1000


serve(match=lambda name: name == "knots", check=check)
