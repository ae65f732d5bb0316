// Drives the docs page in a real browser: `node docs.mjs <chromium> <url of the example> <folder for the profile>`.
//
// The browser is spoken to over two pipes (the DevTools protocol, messages that end with a zero byte), so nothing needs to be
// installed beside it. Ends with 0 when the page did what it must, and says what it did not otherwise.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";

const [chromium, url, profile] = process.argv.slice(2);
assert.ok(profile, "say the browser, the URL and a folder for the profile");
const STEP_MS = 20_000; // how long a step may take before it counts as failed
const flags = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
  "--no-first-run", "--disable-extensions", "--disable-background-networking", `--user-data-dir=${profile}`, "about:blank"];
const browser = spawn(chromium, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
browser.on("exit", (code) => { if (!closing) fail(`the browser ended by itself (${code})`); });

let closing = false, lastId = 0, unread = "";
const waiting = new Map(); // id of a message → what its answer resolves
const answers = new Map(); // session → what answers the page's requests in place of the server
const complaints = [];     // what the console said that it should not

function fail(why) {
  console.error(`error: ${why?.stack ?? why}`);
  closing = true;
  browser.kill("SIGKILL");
  process.exit(1);
}

function call(method, params = {}, sessionId = undefined) {
  const id = lastId += 1;
  browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject, method }));
}

browser.stdio[4].setEncoding("utf8").on("data", (text) => {
  const messages = (unread + text).split("\0");
  unread = messages.pop();
  messages.map((message) => JSON.parse(message)).forEach(receive);
});

/** Answers a request of the page in place of the server. */
function intercepted({ requestId, request }, sessionId) {
  const body = Buffer.from(JSON.stringify(answers.get(sessionId)(request))).toString("base64");
  const responseHeaders = [{ name: "Content-Type", value: "application/json" }];
  call("Fetch.fulfillRequest", { requestId, responseCode: 200, responseHeaders, body }, sessionId).catch(fail);
}

function receive({ id, method, params, result, error, sessionId }) {
  if (method === "Fetch.requestPaused") intercepted(params, sessionId);
  if (method === "Runtime.exceptionThrown") complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
  // A reply of 401 is asked for below, and the console tells of it.
  if (method === "Log.entryAdded" && params.entry.level === "error" && params.entry.source !== "network") complaints.push(params.entry.text);
  const asked = waiting.get(id);
  if (!asked) return;
  waiting.delete(id);
  if (error) asked.reject(new Error(`${asked.method}: ${error.message}`));
  else asked.resolve(result);
}

/** Asks again until the answer is something. */
async function polled(ask, what) {
  for (const end = Date.now() + STEP_MS; ;) {
    const value = await ask();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Opens a page; gives functions that act on it. */
async function open(address, answer = undefined) {
  const { targetId } = await call("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
  const on = (method, params) => call(method, params, sessionId);
  for (const domain of ["Page", "Runtime", "Log", "Accessibility"]) await on(`${domain}.enable`);
  if (answer) {
    answers.set(sessionId, answer);
    await on("Fetch.enable", { patterns: ["*/openapi.json", "*/sink/*"].map((urlPattern) => ({ urlPattern })) });
  }
  await on("Page.navigate", { url: address });
  /** The value of an expression in the page. */
  const run = async (expression) => {
    const { result, exceptionDetails } = await on("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
    return result.value;
  };
  /** Waits until an expression holds; gives its value. */
  const until = (expression) => polled(() => run(expression), expression)
    .catch(async (error) => { throw new Error(`${error.message}\nthe page says:\n${await run("document.body.innerText")}`); });
  /** Types over what is in a field, as keys would. */
  const type = async (field, text) => {
    await run(`(${field}).focus(), (${field}).select()`);
    await on("Input.insertText", { text });
  };
  return { on, run, until, type };
}

/** The opened endpoint whose line holds all of these words. */
const endpoint = (...words) => `[...document.querySelectorAll(".endpoint")].find((node) => ${JSON.stringify(words)}
  .every((word) => node.querySelector("summary").innerText.includes(word)))`;
const field = (place, name) => `[...${place}.querySelectorAll(".try label")].find((label) => label.innerText.startsWith(${JSON.stringify(name)}))
  .querySelector("input, select, textarea")`;
const status = (place) => `${place}.querySelector(".try [role=status] .status")?.innerText`;

/** A document with what the example has no endpoints for. */
const text = { type: "string" }, file = { type: "string", format: "binary" };
const posting = (type, properties) => ({ requestBody: { content: { [type]: { schema: properties ? { type: "object", properties } : {} } } }, responses: {} });
const SINK = { openapi: "3.1.0", info: { title: "Sink", version: "1" }, paths: {
  "/sink/head": { get: { responses: {}, parameters: [
    { name: "X-Trace", in: "header", required: true, schema: text }, { name: "session", in: "cookie", schema: text }] } },
  "/sink/form": { post: posting("application/x-www-form-urlencoded", { name: text, tags: { type: "array", items: text } }) },
  "/sink/upload": { post: posting("multipart/form-data", { note: text, photo: file }) },
  "/sink/bytes": { post: posting("application/octet-stream") },
} };

/** Headers, cookies, forms and files: what is sent, and what the curl line says. */
async function bodies() {
  const sent = [];
  const { on, run, until, type } = await open(`${url}/docs`, (request) => {
    if (request.url.endsWith("/openapi.json")) return SINK;
    sent.push(request);
    return { taken: true };
  });
  await until(`document.querySelectorAll(".endpoint").length === 4`);
  await run(`document.querySelectorAll(".endpoint").forEach((node) => { node.open = true; })`);
  await until(`[...document.querySelectorAll(".endpoint")].every((node) => node.querySelector(".try form"))`);
  const choose = async (input) => {
    const { result } = await on("Runtime.evaluate", { expression: input });
    await on("DOM.setFileInputFiles", { objectId: result.objectId, files: [process.argv[1]] });
  };
  const post = async (place) => {
    await run(`(${place}).querySelector(".try .send").click()`);
    await until(`${status(`(${place})`)} === "200"`);
    return [sent.pop(), await run(`[...(${place}).querySelectorAll(".try pre")].pop().textContent`)];
  };
  const [head, form, upload, bytes] = ["head", "form", "upload", "bytes"].map((name) => endpoint(`/sink/${name}`));

  await type(field(`(${head})`, "X-Trace"), "it's");
  await type(field(`(${head})`, "session"), "abc");
  const [got, gotCurl] = await post(head);
  assert.equal(got.headers["X-Trace"], "it's");
  assert.equal(got.headers.Cookie, undefined, "a page cannot set cookies");
  assert.equal(gotCurl, `curl '${url}/sink/head' \\\n  --header 'X-Trace: it'\\''s' \\\n  --cookie 'session=abc'`);
  assert.match(await run(`(${head}).innerText`), /A page cannot set cookies/);

  await type(field(`(${form})`, "name"), "a b&c");
  await type(field(`(${form})`, "tags"), "x\ny");
  const [formed, formedCurl] = await post(form);
  assert.equal(formed.postData, "name=a+b%26c&tags=x&tags=y");
  assert.match(formed.headers["Content-Type"], /^application\/x-www-form-urlencoded/);
  assert.match(formedCurl, /--data-raw 'name=a\+b%26c&tags=x&tags=y'/);

  await type(field(`(${upload})`, "note"), "hi");
  await choose(field(`(${upload})`, "photo"));
  const [uploaded, uploadedCurl] = await post(upload);
  assert.match(uploaded.headers["Content-Type"], /^multipart\/form-data; boundary=/);
  assert.match(uploadedCurl, /--form-string 'note=hi' \\\n {2}--form 'photo=@"docs.mjs"'/);

  await choose(field(`(${bytes})`, "Body"));
  const [raw, rawCurl] = await post(bytes);
  assert.equal(raw.headers["Content-Type"], "application/octet-stream");
  assert.match(rawCurl, /--data-binary '@docs.mjs'/);
  console.log("headers, cookies, forms and files: sent as the curl line says");
}

async function main() {
  const page = await open(`${url}/docs`);
  const { on, run, until, type } = page;
  await until(`document.querySelectorAll(".endpoint").length > 5`);

  const list = endpoint("GET", "/v2/boats");
  await run(`(${list}).open = true`);
  await until(`(${list}).querySelector(".try form")`);
  await type(field(`(${list})`, "limit"), "1");
  await run(`(${list}).querySelector(".try .send").click()`);
  assert.equal(await until(status(`(${list})`)), "200");
  const shown = await until(`(${list}).querySelector(".try").innerText`);
  assert.match(shown, /Suhaili/);
  assert.match(shown, / ms · /);
  assert.match(shown, new RegExp(`curl '${url}/v2/boats\\?limit=1'`));
  console.log("a GET with a query: sent and shown");

  const strike = endpoint("DELETE", "/v1/boats/{id}");
  await run(`(${strike}).open = true`);
  await until(`(${strike}).querySelector(".try form")`);
  await type(field(`(${strike})`, "id"), "3");
  await run(`(${strike}).querySelector(".try .send").click()`);
  await until(`${status(`(${strike})`)} === "401"`);
  assert.match(await run(`(${strike}).querySelector(".try").innerText`), /\$TOKEN/);
  await type(`(${strike}).querySelector(".try input.secret")`, "harbour-master");
  await run(`(${strike}).querySelector(".try .send").click()`);
  await until(`${status(`(${strike})`)} === "204"`);
  assert.match(await run(`(${strike}).querySelector(".try").innerText`), /--header 'Authorization: Bearer harbour-master'/);
  assert.equal(await run("localStorage.length + document.cookie.length"), 0);
  console.log("a protected endpoint: 401 without a token, 204 with it");

  await run(`document.activeElement.blur()`);
  await on("Input.dispatchKeyEvent", { type: "keyDown", key: "/", code: "Slash" });
  await on("Input.insertText", { text: "berth" });
  await until(`document.querySelectorAll(".endpoint:not([hidden])").length < 6 && document.activeElement.type === "search"`);
  await on("Input.dispatchKeyEvent", { type: "keyDown", key: "Escape", code: "Escape" });
  await until(`!document.querySelector(".endpoint[hidden]")`);
  await run(`document.querySelector(".side select").value = "2", document.querySelector(".side select").dispatchEvent(new Event("change"))`);
  await until(`location.search === "?version=2" && document.querySelectorAll(".endpoint").length > 0
    && ![...document.querySelectorAll(".endpoint .path")].some((path) => path.innerText.startsWith("/v1"))`);
  console.log("search and version: chosen by keyboard and list");

  await run(`document.querySelectorAll(".endpoint").forEach((node) => { node.open = true; })`);
  await until(`[...document.querySelectorAll(".endpoint")].every((node) => node.querySelector(".try form"))`);
  const controls = await polled(async () => {
    const { nodes } = await on("Accessibility.getFullAXTree");
    const found = nodes.filter(({ ignored, role }) => !ignored && /^(textbox|searchbox|combobox|button|link)$/.test(role?.value));
    return found.length > 20 && found;
  }, "the tree of what a screen reader is told");
  assert.deepEqual(controls.filter(({ name }) => !name?.value).map(({ role }) => role.value), [], "every control has a name");
  const paper = () => run(`getComputedStyle(document.body).backgroundColor`);
  const light = await paper();
  await on("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] });
  assert.notEqual(await paper(), light);
  console.log(`${controls.length} controls have names; light and dark differ`);

  await bodies();
  assert.deepEqual(complaints, [], "the console complains");
  closing = true;
  await Promise.race([call("Browser.close"), new Promise((resolve) => setTimeout(resolve, 2_000))]);
  browser.kill("SIGKILL");
}

main().then(() => process.exit(0), fail);
