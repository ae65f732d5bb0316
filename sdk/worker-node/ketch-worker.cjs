'use strict';
/**
 * Controllers, middlewares and type checkers of Ketch in JavaScript: each is one function.
 *
 *     #!/usr/bin/env node
 *     const { HttpError, serve } = require('../lib/ketch-worker.cjs');
 *
 *     serve(async ({ args }) => {
 *       if (!args.name) throw new HttpError(404, 'no_such_person', 'there is nobody without a name');
 *       return { text: `Hello, ${args.name}` };
 *     });
 *
 * The same file runs as a worker, which answers many calls, and as a program for each call: the server says which.
 * One file without dependencies, for Node 18 and newer; `import` takes it as well. What user code writes to stdout goes
 * to stderr, and from there into the server's log, so that it cannot get in the way of the protocol.
 */

const fs = require('node:fs');
const readline = require('node:readline');

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const SPECIAL = ['_HTTP_METHOD_', '_SCOPE_', '_AUTHORIZATION_', '_CALLER_'];

/** An answer that is no success: a status of 400 to 599, a stable code for programs, and words for people. */
class HttpError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   */
  constructor(status, code, message) {
    super(message);
    if (!(Number.isInteger(status) && status >= 400 && status <= 599)) {
      throw new RangeError(`${status} is no status of an error: 400 to 599 are`);
    }
    this.name = 'HttpError';
    this.status = status;
    this.code = code;
  }
}

/** The output fields of an endpoint with a status of their own: `return new Reply({ id }, 201)`. */
class Reply {
  /**
   * @param {Record<string, unknown>} fields
   * @param {number} status
   */
  constructor(fields, status) {
    this.fields = fields;
    this.status = status;
  }
}

/**
 * What a controller is given. Every argument has been converted and checked.
 * @typedef {object} Call
 * @property {string} method
 * @property {string} route
 * @property {string} path
 * @property {Record<string, any>} args
 * @property {Record<string, string>} files paths of files that came with the request, by argument; gone when the call has ended
 * @property {{ id: string | null, email: string | null, scopes: string[] }} caller
 * @property {string} authorization
 * @property {string} requestId
 * @property {number | null} timeLeft milliseconds until the endpoint's deadline, when the call was sent
 *
 * What a middleware sees of a request.
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path
 * @property {string} query as it was asked for, without its `?`
 * @property {Record<string, string>} headers names in lower case
 * @property {string | null} peer
 * @property {string} route
 * @property {string[][]} required what the endpoint needs: one of these lists, all of it; empty: everyone may call
 * @property {string[]} scope what the middlewares before this one have granted
 * @property {string} requestId
 *
 * @typedef {Record<string, unknown> | Reply | null | undefined} Answer
 * @typedef {(call: Call) => Answer | Promise<Answer>} Controller
 * @typedef {object} Functions
 * @property {Controller} [call] a controller of every method
 * @property {Controller} [get]
 * @property {Controller} [post]
 * @property {Controller} [put]
 * @property {Controller} [patch]
 * @property {Controller} [delete]
 * @property {(request: Request) => any} [inspect] a middleware: gives a list of scopes, or an object of
 *   `scope`, `claims`, `headers`, `status`, `body`; it refuses a request by throwing HttpError
 * @property {(type: string) => boolean | Promise<boolean>} [match]
 * @property {(type: string, value: any) => boolean | Promise<boolean>} [check]
 */

/** Writes a line into the server's log; as `console.log` does here, too. */
function log(...words) {
  console.error(...words);
}

/**
 * Answers what the server sends until it sends no more, and ends the program.
 * @param {Controller | Functions} what one function, or one for each method
 */
function serve(what) {
  const functions = typeof what === 'function' ? { call: what } : { ...what };
  const known = ['call', 'inspect', 'match', 'check', ...METHODS.map((name) => name.toLowerCase())];
  const unknown = Object.keys(functions).find((name) => !known.includes(name));
  if (unknown) throw new TypeError(`serve() knows no ${unknown}: ${known.join(', ')}`);
  takeStdout();
  // Ctrl-C in a terminal reaches this process too; it is the server that ends it, by closing its input.
  process.on('SIGINT', () => {});
  const argv = process.argv.slice(2);
  const done = argv.length > 0 ? once(functions, argv) : work(functions);
  done.catch((error) => {
    log(error);
    process.exitCode = 1;
  });
}

/** Whatever else is written to stdout now goes to stderr; the protocol writes to the descriptor itself. */
function takeStdout() {
  process.stdout.write = process.stderr.write.bind(process.stderr);
  globalThis.console = new console.Console({ stdout: process.stderr, stderr: process.stderr });
}

/** Writes all of it; a pipe that is full is waited for. */
function send(text) {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(1, bytes));
    } catch (error) {
      if (error.code === 'EPIPE') process.exit(0); // Nobody reads any more: the server has gone.
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

// One process, many calls: JSON-RPC 2.0, a message a line, one at a time.

async function work(functions) {
  const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
  // What goes wrong outside of any call, in a timer for one, is this process's end; the server starts another.
  for await (const line of lines) send(JSON.stringify(await replyTo(functions, line)) + '\n');
  process.exit(0);
}

async function replyTo(functions, line) {
  let message;
  try {
    message = JSON.parse(line);
  } catch (error) {
    log(`the server sent a line that is no JSON: ${error.message}`);
    return failure(null, -32700, 'the line is no JSON');
  }
  const id = message.id ?? null;
  try {
    const result = await dispatch(functions, message.method, message.params ?? {});
    JSON.stringify(result); // What cannot be written is the call's failure, not the worker's.
    return { jsonrpc: '2.0', id, result };
  } catch (error) {
    if (error instanceof HttpError) {
      return failure(id, 1, error.message, { status: error.status, code: error.code });
    }
    if (error instanceof Unknown) return failure(id, -32601, error.message);
    log(error);
    return failure(id, -32603, error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
}

async function dispatch(functions, method, params) {
  if (method === 'call') return answer(functions, callOf(params));
  if (method === 'inspect' && functions.inspect) return verdict(functions, requestOf(params));
  if (method === 'match' && functions.match) return Boolean(await functions.match(params.name));
  if (method === 'check' && functions.check) return Boolean(await functions.check(params.name, params.value));
  throw new Unknown(`this program has no \`${method}\``);
}

async function answer(functions, call) {
  const one = functions[call.method.toLowerCase()] ?? functions.call;
  if (!one) throw new Unknown(`this program has no function for ${call.method}`);
  const said = (await one(call)) ?? {};
  const fields = said instanceof Reply ? { ...said.fields, _STATUS_: said.status } : said;
  if (typeof fields !== 'object' || Array.isArray(fields)) {
    throw new TypeError('a controller gives an object of output fields');
  }
  return fields;
}

async function verdict(functions, request) {
  try {
    return (await functions.inspect(request)) ?? [];
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { status: error.status, body: { code: error.code, message: error.message } };
  }
}

// One process, one call: what is asked stands in the arguments, JSON goes in and comes out.

async function once(functions, argv) {
  const what = argv[0];
  if (what === 'MATCH' && functions.match) return send(String(Boolean(await functions.match(argv[1]))));
  if (what === 'CHECK' && functions.check) {
    const given = JSON.parse(argv[1] ?? fs.readFileSync(0, 'utf8'));
    return send(String(Boolean(await functions.check(given.name ?? '', given.value))));
  }
  if (what.startsWith('[') && functions.inspect) {
    // A project with an aicra.json: scopes in, scopes out.
    const said = await verdict(functions, requestOf({ scope: JSON.parse(what) }));
    return send(JSON.stringify(Array.isArray(said) ? said : (said.scope ?? [])));
  }
  const text = fs.readFileSync(0, 'utf8');
  const given = JSON.parse(text.trim() ? text : argv[1]);
  if (functions.inspect) return send(JSON.stringify(await verdict(functions, requestOf(given))));
  try {
    send(JSON.stringify(await answer(functions, callOf({ method: what, args: given }))));
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    send(JSON.stringify({ _STATUS_: error.status, code: error.code, message: error.message }));
  }
}

class Unknown extends Error {}

function failure(id, code, message, data) {
  return { jsonrpc: '2.0', id, error: data ? { code, message, data } : { code, message } };
}

/** @returns {Call} */
function callOf(params) {
  const all = params.args ?? {};
  return {
    method: params.method ?? '',
    route: params.route ?? '',
    path: params.path ?? '',
    args: Object.fromEntries(Object.entries(all).filter(([name]) => !SPECIAL.includes(name))),
    files: params.files ?? {},
    caller: callerOf(all._CALLER_),
    authorization: all._AUTHORIZATION_ ?? '',
    requestId: params.request_id ?? '',
    timeLeft: params.time_left_ms ?? null,
  };
}

function callerOf(given) {
  return { id: given?.id ?? null, email: given?.email ?? null, scopes: given?.scopes ?? [] };
}

/** @returns {Request} */
function requestOf(params) {
  return {
    method: params.method ?? '',
    path: params.path ?? '',
    query: params.query ?? '',
    headers: params.headers ?? {},
    peer: params.peer ?? null,
    route: params.route ?? '',
    required: params.required ?? [],
    scope: params.scope ?? [],
    requestId: params.request_id ?? '',
  };
}

module.exports = { HttpError, Reply, log, serve };
