"""Controllers, middlewares and type checkers of Ketch in Python: each is one function.

    #!/usr/bin/env python3
    import sys; sys.path.append("lib")
    from ketch_worker import HttpError, serve

    def greet(call):
        if not call.args["name"]:
            raise HttpError(404, "no_such_person", "there is nobody without a name")
        return {"text": "Hello, " + call.args["name"]}

    serve(greet)

The same file runs as a worker, which answers many calls, and as a program for each call: the server says which.
One file without dependencies, for Python 3.9 and newer. What user code prints goes to stderr, and from there into
the server's log, so that it cannot get in the way of the protocol.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, NoReturn, Optional, TextIO, Tuple, Union

__all__ = ["Call", "Caller", "HttpError", "Request", "log", "serve"]

Fields = Dict[str, Any]
Controller = Callable[["Call"], Union[None, Fields, Tuple[Optional[Fields], int]]]

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SPECIAL = ("_HTTP_METHOD_", "_SCOPE_", "_AUTHORIZATION_", "_CALLER_")


class HttpError(Exception):
    """An answer that is no success: a status of 400 to 599, a stable code for programs, and words for people.

    >>> HttpError(404, "no_such_todo", "there is no todo 7").status
    404
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        if not 400 <= status <= 599:
            raise ValueError(f"{status} is no status of an error: 400 to 599 are")
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class Caller:
    """Who calls, as far as the middlewares know."""

    id: Optional[str] = None
    email: Optional[str] = None
    scopes: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """What a controller is given. Every argument has been converted and checked."""

    method: str
    route: str = ""
    path: str = ""
    args: Mapping[str, Any] = field(default_factory=dict)
    #: The paths of files that came with the request, by argument. They are gone when the call has ended.
    files: Mapping[str, str] = field(default_factory=dict)
    caller: Caller = Caller()
    authorization: str = ""
    request_id: str = ""
    #: Seconds that are left until the endpoint's deadline, when the call was sent.
    time_left: Optional[float] = None


@dataclass(frozen=True)
class Request:
    """What a middleware sees of a request."""

    method: str = ""
    path: str = ""
    #: As it was asked for, without its `?`.
    query: str = ""
    #: Names in lower case.
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: Optional[str] = None
    route: str = ""
    #: What the endpoint needs: one of these lists, all of it. Empty: everyone may call.
    required: Tuple[Tuple[str, ...], ...] = ()
    #: What the middlewares before this one have granted.
    scope: Tuple[str, ...] = ()
    request_id: str = ""


def log(*words: Any) -> None:
    """Writes a line into the server's log; as `print` does here, too."""
    print(*words, file=sys.stderr, flush=True)


def serve(
    call: Optional[Controller] = None,
    *,
    inspect: Optional[Callable[[Request], Any]] = None,
    match: Optional[Callable[[str], bool]] = None,
    check: Optional[Callable[[str, Any], bool]] = None,
    **methods: Controller,
) -> NoReturn:
    """Answers what the server sends until it sends no more, and ends the program.

    `serve(f)` is a controller of every method; `serve(get=f, post=g)` has a function for each. `inspect` is a
    middleware: it gives a list of scopes or `{"scope": …, "claims": …, "headers": …, "status": …, "body": …}`, and
    refuses a request by raising `HttpError`.
    `match` and `check` are a type checker.
    """
    by_method = {name.upper(): function for name, function in methods.items()}
    unknown = sorted(set(by_method) - set(_METHODS))
    if unknown:
        raise TypeError(f"serve() knows no {unknown[0]}: {', '.join(_METHODS)}, inspect, match and check")
    kit = _Kit(call, by_method, inspect, match, check)
    replies = _take_stdout()
    # Ctrl-C in a terminal reaches this process too; it is the server that ends it, by closing its input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = kit.once(sys.argv[1:], replies) if len(sys.argv) > 1 else kit.work(replies)
    sys.stderr.flush()
    sys.exit(code)


def _take_stdout() -> TextIO:
    """The protocol's way out. Whatever else writes to stdout, programs started from here included, now goes to stderr."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    # Only now: what was printed before this call and is still in the buffer is user code's as well.
    sys.stdout.flush()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return replies


def _take_stdin() -> TextIO:
    """The protocol's way in. User code that reads stdin finds its end, and takes no message away."""
    messages = os.fdopen(os.dup(0), "r", encoding="utf-8", newline="\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return messages


class _Kit:
    def __init__(self, call, by_method, inspect, match, check) -> None:
        self.default, self.by_method = call, by_method
        self.inspector, self.matcher, self.checker = inspect, match, check

    # One process, many calls: JSON-RPC 2.0, a message a line.

    def work(self, replies: TextIO) -> int:
        for line in _take_stdin():
            replies.write(self.reply(line) + "\n")
            replies.flush()
        return 0

    def reply(self, line: str) -> str:
        try:
            message = json.loads(line)
        except ValueError as error:
            log(f"the server sent a line that is no JSON: {error}")
            return _failure(None, -32700, "the line is no JSON")
        number = message.get("id")
        try:
            result = self.dispatch(message.get("method", ""), message.get("params") or {})
            return '{"jsonrpc":"2.0","id":%s,"result":%s}' % (json.dumps(number), _written(result))
        except HttpError as error:
            data = {"status": error.status, "code": error.code}
            return _failure(number, 1, error.message, data)
        except _Unknown as error:
            return _failure(number, -32601, str(error))
        except Exception as error:  # Whatever it is, it is this call's failure and no other's.
            traceback.print_exc()
            return _failure(number, -32603, f"{type(error).__name__}: {error}")

    def dispatch(self, method: str, params: Mapping[str, Any]) -> Any:
        if method == "call":
            return self.answer(_call(params))
        if method == "inspect" and self.inspector:
            return self.verdict(_request(params))
        if method == "match" and self.matcher:
            return bool(self.matcher(params["name"]))
        if method == "check" and self.checker:
            return bool(self.checker(params["name"], params["value"]))
        raise _Unknown(f"this program has no `{method}`")

    def answer(self, call: Call) -> Fields:
        function = self.by_method.get(call.method, self.default)
        if function is None:
            raise _Unknown(f"this program has no function for {call.method}")
        return _fields(function(call))

    def verdict(self, request: Request) -> Any:
        try:
            said = self.inspector(request)
        except HttpError as error:
            return {"status": error.status, "body": {"code": error.code, "message": error.message}}
        if said is None:
            return []
        return dict(said) if isinstance(said, Mapping) else list(said)

    # One process, one call: what is asked stands in the arguments, JSON goes in and comes out.

    def once(self, argv: List[str], replies: TextIO) -> int:
        try:
            replies.write(self.said(argv))
            replies.flush()
            return 0
        except Exception:
            traceback.print_exc()
            return 1

    def said(self, argv: List[str]) -> str:
        what = argv[0]
        if what == "MATCH" and self.matcher:
            return "true" if self.matcher(argv[1]) else "false"
        if what == "CHECK" and self.checker:
            given = json.loads(argv[1]) if len(argv) > 1 else json.load(_take_stdin())
            return "true" if self.checker(given.get("name", ""), given["value"]) else "false"
        if what.startswith("[") and self.inspector:  # A project with an aicra.json: scopes in, scopes out.
            verdict = self.verdict(Request(scope=tuple(json.loads(what))))
            return _written(verdict.get("scope", []) if isinstance(verdict, dict) else verdict)
        text = _take_stdin().read()
        given = json.loads(text) if text.strip() else json.loads(argv[1])
        if self.inspector:
            return _written(self.verdict(_request(given)))
        try:
            return _written(self.answer(_call({"method": what, "args": given})))
        except HttpError as error:
            return _written({"_STATUS_": error.status, "code": error.code, "message": error.message})


class _Unknown(Exception):
    pass


def _written(value: Any) -> str:
    # No NaN: it is no JSON. ASCII only: no line can be broken by a separator that is none to JSON.
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _failure(number: Any, code: int, message: str, data: Optional[Fields] = None) -> str:
    error: Fields = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return _written({"jsonrpc": "2.0", "id": number, "error": error})


def _fields(answer: Any) -> Fields:
    status = None
    if isinstance(answer, tuple):
        if len(answer) != 2 or not isinstance(answer[1], int):
            raise TypeError("a controller gives its fields, or (fields, status)")
        answer, status = answer
    if answer is None:
        answer = {}
    if not isinstance(answer, Mapping):
        raise TypeError(f"a controller gives a dict of output fields, not {type(answer).__name__}")
    answer = dict(answer)
    if status is not None:
        answer["_STATUS_"] = status
    return answer


def _call(params: Mapping[str, Any]) -> Call:
    args = params.get("args") or {}
    millis = params.get("time_left_ms")
    return Call(
        method=params.get("method", ""),
        route=params.get("route", ""),
        path=params.get("path", ""),
        args={name: value for name, value in args.items() if name not in _SPECIAL},
        files=params.get("files") or {},
        caller=_caller(args.get("_CALLER_")),
        authorization=args.get("_AUTHORIZATION_") or "",
        request_id=params.get("request_id") or "",
        time_left=None if millis is None else millis / 1000,
    )


def _caller(given: Optional[Mapping[str, Any]]) -> Caller:
    given = given or {}
    return Caller(given.get("id"), given.get("email"), tuple(given.get("scopes") or ()))


def _request(params: Mapping[str, Any]) -> Request:
    return Request(
        method=params.get("method", ""),
        path=params.get("path", ""),
        query=params.get("query", ""),
        headers=params.get("headers") or {},
        peer=params.get("peer"),
        route=params.get("route", ""),
        required=tuple(tuple(clause) for clause in params.get("required") or ()),
        scope=tuple(params.get("scope") or ()),
        request_id=params.get("request_id") or "",
    )
