#!/usr/bin/env python3
"""How large files are, as the server said it and as they lie on the disk."""
import os
import sys

sys.path.append("lib")
from ketch_worker import HttpError, serve


def measure(call):
    files = [call.args["photo"], *(call.args["more"] or [])]
    if any(os.path.getsize(file["path"]) != file["size"] for file in files):
        raise RuntimeError("a file has not the size that was said")
    if call.args["title"] == "nothing":
        raise HttpError(409, "no_title", "it needs another title")
    return {"title": call.args["title"], "sizes": [file["size"] for file in files]}


serve(measure)
