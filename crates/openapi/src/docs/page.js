// What the API documentation page does: loads a document, shows it, and sends requests. page.html says what it is not.

const DEADLINE_MS = 30_000, BODY_LIMIT = 256 * 1024;
const METHODS = ["get", "post", "put", "patch", "delete", "head", "options", "trace"];
const TOKEN_KEY = "ketch-docs-token";
const $ = (selector) => document.querySelector(selector);
const page = { main: $("main"), nav: $("nav"), brand: $(".side strong"), search: $(".search input"), picker: $(".side select"),
  found: h("p", { class: "soft", role: "status" }) };
let api = {};         // the document on screen
let rows = new Map(); // operation id → { operation, endpoint, link }

/* ── Building blocks. Every string becomes a text node or an inert attribute; nothing here parses HTML. ── */

function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== false));
  return node;
}

/** Paragraphs, fenced code and `code`. Lists keep their line breaks, other lines flow. */
function prose(text) {
  const blocks = String(text ?? "").trim().split(/^```.*\n([^]*?)^```\s*$/m);
  const paragraphs = (block) => block.split(/\n\s*\n/).map((part) => part.trim()).filter(Boolean)
    .map((part) => h("p", { class: /^\s*([-*]|\d+\.) /m.test(part) && "lines" }, inline(part)));
  return text ? h("div", { class: "prose" }, blocks.map((block, i) => i % 2 ? pre(block.trimEnd()) : paragraphs(block))) : [];
}

const inline = (text) => text.split(/`([^`]+)`/).map((part, i) => i % 2 ? h("code", {}, part) : part);
const span = (className, ...children) => h("span", { class: className }, ...children);
const pre = (...children) => h("pre", { tabindex: 0 }, ...children); // focusable: it may scroll
const section = (title, ...children) => h("section", {}, h("h3", {}, title), ...children);
const methodMark = (name) => span(`method ${name}`, name.toUpperCase());
const statusMark = (code) => span(`status s${String(code)[0]}`, String(code));
const BRACED = /(\{(?:[^{}]|\{[^{}]*\})*\})/g; // {name}, and {name:[0-9]{2}} where two templates differ in the pattern only
const pathMark = (path) => span("path", path.split(BRACED).map((part, i) => i % 2 ? h("i", {}, part) : part));
const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
const dotted = (...parts) => parts.filter(Boolean).join(" · ");
const json = (value) => JSON.stringify(value, null, 2);
const plain = (value) => typeof value === "string" ? value : JSON.stringify(value);
const isGiven = (value) => value !== undefined;
const attempt = (risky, otherwise) => { try { return risky(); } catch { return otherwise; } };

/** A <details> whose content is built when it is first opened, so that a large document opens as fast as a small one. */
function lazy(className, summary, build, open = false) {
  const node = h("details", { class: className }, h("summary", {}, summary));
  const fill = () => { if (node.open && node.children.length === 1) node.append(...[build()].flat()); };
  node.addEventListener("toggle", fill);
  node.open = open;
  fill();
  return node;
}

function copyBar(title, target) {
  const copy = () => {
    getSelection().selectAllChildren(target); // says what was copied; without HTTPS there is no clipboard, and it is one key away
    navigator.clipboard?.writeText(target.textContent);
  };
  return h("div", { class: "bar" }, h("h4", {}, title), h("button", { type: "button", click: copy }, "Copy"));
}

/** Indents and colours JSON without parsing it, so that large integers and duplicate keys are shown as they were sent. */
function prettyJson(text) {
  const tokens = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"?|[{}[\],:]|[^\s"{}[\],:]+/g) ?? [];
  let depth = 0;
  const line = (step = 0) => "\n" + "  ".repeat(depth += step);
  const draw = (token, i) => {
    const next = tokens[i + 1];
    if (depth > 100) throw new RangeError("too deep to indent");
    if (token === "{" || token === "[") return [token, /^[}\]]$/.test(next) ? "" : line(1)];
    if (token === "}" || token === "]") return [/^[{[]$/.test(tokens[i - 1]) ? "" : line(-1), token];
    if (token === ",") return [token, line()];
    return token === ":" ? ": " : span(next === ":" ? "key" : token[0] === '"' ? "string" : "literal", token);
  };
  return attempt(() => tokens.map(draw), text);
}

/* ── Schemas: JSON Schema 2020-12 as OpenAPI 3.1 uses it. ── */

// Where we are in a schema: the $refs followed to get here (a repeat is a cycle), the $defs around us, and which kind of
// property is left out (readOnly ones in a request, writeOnly ones in a response).
const TOP = { refs: [], defs: {}, hide: undefined };
const REQUEST = { ...TOP, hide: "readOnly" }, RESPONSE = { ...TOP, hide: "writeOnly" };

function pointer(ref, defs) {
  const decode = (step) => attempt(() => decodeURIComponent(step), step).replaceAll("~1", "/").replaceAll("~0", "~");
  const [root, ...steps] = ref.split("/").map(decode);
  const walk = (from, keys) => keys.reduce((at, key) => at && Object.hasOwn(at, key) ? at[key] : undefined, from);
  if (root === "#") return walk(api, steps) ?? (steps[0] === "$defs" ? walk(defs, steps.slice(1)) : undefined);
}

const dereference = (object) => (object?.$ref ? pointer(object.$ref, {}) : object) ?? {};
const optionsOf = (schema) => schema.anyOf ?? schema.oneOf ?? [];
/** The options worth rows of their own: constants that nothing is said about are listed as values instead. */
const tellingOptions = (schema) => optionsOf(schema).some((option) => option.const === undefined || option.description) ? optionsOf(schema) : [];
const typesOf = ({ type, properties, items, enum: values }) =>
  [type ?? (properties ? "object" : items ? "array" : values ? typeof values[0] : [])].flat().filter((name) => name !== "null");

/** What a schema is once $ref, allOf, "or null" and one-of-constants are seen through. */
function look(written, scope) {
  let schema = written === false ? { description: "Never allowed." } : Object(written ?? {}), { refs, defs } = scope, name;
  while (typeof schema.$ref === "string") {
    const { $ref, ...beside } = schema;
    name ??= $ref.split("/").pop();
    if (refs.includes($ref)) return { schema: beside, scope, name, recursive: true };
    refs = [...refs, $ref];
    schema = { ...(pointer($ref, defs) ?? { description: `Unknown reference \`${$ref}\`.` }), ...beside };
  }
  const inner = { ...scope, refs, defs: { ...defs, ...schema.$defs } };
  if (schema.allOf) schema = mergeAll(schema, inner);
  const options = optionsOf(schema), real = options.filter((option) => option?.type !== "null");
  const nullable = [schema.type].flat().includes("null") || real.length < options.length;
  if (real.length === 1) {
    const { anyOf, oneOf, ...beside } = schema, only = look(real[0], inner);
    return { ...only, schema: { ...only.schema, ...beside }, nullable: nullable || only.nullable };
  }
  if (real.length && real.every((option) => option.const !== undefined)) schema = { ...schema, enum: real.map((option) => option.const) };
  if (real.length < options.length) schema = { ...schema, anyOf: real };
  return { schema, scope: inner, name, nullable, recursive: false };
}

const mergeAll = ({ allOf, ...own }, scope) => [...allOf.map((part) => look(part, scope).schema), own].reduce((a, b) =>
  ({ ...a, ...b, properties: { ...a.properties, ...b.properties }, required: [...a.required ?? [], ...b.required ?? []] }), {});

function typeText(written, scope) {
  const place = look(written, scope), { schema, name, recursive } = place;
  const compound = recursive || childrenOf(place, { items: false }).length > 0;
  return ((compound && (name ?? schema.title)) || bareType(place)) + (place.nullable ? " or null" : "");
}

function bareType({ schema, scope }) {
  const types = typesOf(schema), options = optionsOf(schema), { const: only, prefixItems, additionalProperties: others } = schema;
  const format = schema.format ?? schema.contentMediaType;
  if (only !== undefined) return json(only);
  if (options.length > 4) return `one of ${options.length}`;
  if (options.length && !schema.enum) return options.map((option) => typeText(option, scope)).join(" or ");
  if (prefixItems) return `[${prefixItems.map((item) => typeText(item, scope)).join(", ")}]`;
  if (types[0] === "array") return `array of ${typeText(schema.items, scope)}`;
  if (types[0] === "object" && !schema.properties && Object(others) === others) return `map of ${typeText(others, scope)}`;
  return dotted(types.join(" or ") || "any", format);
}

/** The rows below a schema. An array shows those of its items as its own. */
function childrenOf({ schema, scope, recursive }, { items } = { items: true }) {
  if (recursive) return [];
  const { properties = {}, patternProperties = {}, additionalProperties: others, prefixItems = [], required = [] } = schema;
  const row = (label, child, needed = false, noun = "field") => ({ label, written: child, required: needed, noun, scope });
  return [...Object.entries(properties).filter(([, child]) => look(child, scope).schema[scope.hide] !== true)
    .map(([key, child]) => row(key, child, required.includes(key))),
  ...Object.entries(patternProperties).map(([key, child]) => row(`/${key}/`, child)),
  ...Object(others) === others ? [row("any other key", others)] : [],
  ...prefixItems.map((child, index) => row(`[${index}]`, child)),
  ...tellingOptions(schema).map((option) => row(option.const === undefined ? "" : json(option.const), option, false, "option")),
  ...schema.items && items ? childrenOf(look(schema.items, scope)) : []];
}

const FACTS = { default: "default", minimum: "min", exclusiveMinimum: "more than", maximum: "max", exclusiveMaximum: "less than",
  multipleOf: "multiple of", minLength: "min length", maxLength: "max length", pattern: "pattern", minItems: "min items",
  maxItems: "max items", minProperties: "min keys", maxProperties: "max keys", contentEncoding: "encoding" };
const FLAGS = { uniqueItems: "no duplicates", readOnly: "read only", writeOnly: "write only" };
const fact = (label, ...values) => h("span", {}, label, values.map((value) => [" ", h("code", {}, plain(value))]));

function factsOf({ schema, scope }) {
  const items = schema.items ? look(schema.items, scope) : { recursive: true };
  return [...schema.enum && !tellingOptions(schema).length ? [fact("one of", ...schema.enum)] : [],
    ...Object.keys(FACTS).filter((key) => schema[key] !== undefined).map((key) => fact(FACTS[key], schema[key])),
    ...Object.keys(FLAGS).filter((key) => schema[key] === true).map((key) => fact(FLAGS[key])),
    ...schema.additionalProperties === false ? [fact("no other keys")] : [],
    ...items.recursive ? [] : factsOf(items).map((node) => h("span", {}, "each: ", node))];
}

const facts = (nodes) => nodes.length ? h("div", { class: "facts" }, nodes) : [];

/** Everything about a place but its name and type; `depth` is how far below the root, where rows are shown unfolded. */
function about(place, depth, description = place.schema.description, ...more) {
  const children = childrenOf(place), list = () => h("ul", { class: "tree" }, children.map((child) => schemaRow(child, depth + 1)));
  const nested = () => lazy("quiet", counted(children.length, children[0].noun), list, depth < 2 && children.length <= 8);
  return [prose(description), facts([...factsOf(place), ...more]), children.length ? depth === 0 ? list() : nested() : []];
}

function schemaRow({ label, written, required, scope }, depth) {
  const place = look(written, scope), { schema } = place, type = schema.const === undefined || label !== json(schema.const);
  return h("li", {}, h("div", { class: "line" }, label && span("name", label), type && span("soft small", typeText(written, scope)),
    required && span("warn small", "required"), place.recursive && span("mark", "recursive"),
    schema.deprecated === true && span("mark warn", "deprecated")), about(place, depth));
}

const STRINGS = { "date-time": "2026-05-04T09:30:00Z", date: "2026-05-04", time: "09:30:00Z", duration: "PT15M", email: "ada@example.com",
  uuid: "0b9f4a1e-5c1d-4f57-9d0e-6f2f7f3a8c21", uri: "https://example.com/", hostname: "example.com", ipv4: "192.0.2.1", ipv6: "2001:db8::1" };

/** An example value, or undefined where it is best left out: where a cycle closes, or when the example is long enough. */
function sample(written, scope, budget = { values: 300 }) {
  const { schema, scope: inner, recursive } = look(written, scope), [type] = typesOf(schema), [first] = optionsOf(schema);
  const given = [schema.example, schema.examples?.[0], schema.const, schema.default, schema.enum?.[0]].find(isGiven);
  const floor = schema.minimum ?? (schema.exclusiveMinimum ?? 0) + (schema.multipleOf ?? 1);
  if (recursive || (budget.values -= 1) < 0) return undefined;
  if (given !== undefined) return given;
  if (first && !schema.properties) return sample(first, inner, budget);
  if (type === "object") return sampleObject(schema, inner, budget);
  if (type === "array") return (schema.prefixItems ?? [schema.items]).map((item) => sample(item, inner, budget)).filter(isGiven);
  if (type === "string") return STRINGS[schema.format] ?? "text".padEnd(Math.min(schema.minLength ?? 0, 64), "x").slice(0, schema.maxLength);
  if (type === "integer" || type === "number") return Math.min(floor, schema.maximum ?? floor);
  return type === "boolean" ? true : null;
}

function sampleObject(schema, scope, budget) {
  const rows = childrenOf({ schema: { ...schema, anyOf: [], patternProperties: {} }, scope });
  const option = optionsOf(schema).length ? sample(optionsOf(schema)[0], scope, budget) : {}; // an enum flattened into the object
  const entries = rows.map(({ label, written }) => [label === "any other key" ? "key" : label, sample(written, scope, budget)]);
  return { ...Object.fromEntries(entries.filter(([, value]) => isGiven(value))), ...option };
}

const isJson = (type) => /^application\/(.*\+)?json\b/i.test(type);
const exampleOf = (media) => media.example ?? dereference(Object.values(media.examples ?? {})[0]).value;
const mediaSample = (media, scope) => exampleOf(media) ?? (media.schema === undefined ? undefined : sample(media.schema, scope));

/* ── The reference side of an endpoint. ── */

function contentBlock(content, scope) {
  return Object.entries(content ?? {}).map(([type, media]) => {
    const example = mediaSample(media, scope), shown = () => isJson(type) ? prettyJson(json(example)) : plain(example);
    return [h("h4", {}, dotted(type, media.schema !== undefined && typeText(media.schema, scope))),
      media.schema === undefined ? [] : about(look(media.schema, scope), 0),
      example === undefined ? [] : lazy("quiet", "Example", () => pre(shown()))];
  });
}

function table(first, second, lines) {
  const head = h("tr", {}, [first, second].map((title) => h("th", { scope: "col" }, title)));
  const body = lines.map(([name, ...cell]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, cell)));
  return lines.length ? h("table", {}, h("thead", {}, head), h("tbody", {}, body)) : [];
}

const schemaOf = (parameter) => parameter.schema ?? Object.values(parameter.content ?? {})[0]?.schema;

function parameterLine(parameter) {
  const place = look(schemaOf(parameter), TOP), example = exampleOf(parameter) ?? place.schema.example ?? place.schema.examples?.[0];
  return [[span("name", parameter.name), " ", parameter.required === true && span("warn small", "required "),
    parameter.deprecated === true && span("mark warn", "deprecated"),
    h("div", { class: "soft small" }, dotted(parameter.in, typeText(schemaOf(parameter), TOP)))],
  about(place, 1, parameter.description ?? place.schema.description, ...example === undefined ? [] : [fact("example", example)])];
}

function responseBlock([code, written]) {
  const response = dereference(written), errors = response["x-ketch-errors"] ?? [], headers = Object.entries(response.headers ?? {});
  const build = () => h("div", {}, table("Error code", "When", errors.map((error) => [h("code", {}, error.code), prose(error.description)])),
    table("Header", "Description", headers.map(([name, header]) => parameterLine({ ...dereference(header), name }))),
    contentBlock(response.content, RESPONSE), response.content ? [] : h("p", { class: "soft small" }, "No body."));
  return lazy("response", [statusMark(code), " ", inline(response.description ?? "")], build, /^[23]/.test(code));
}

/** Who may call, in words. A scheme without scopes asks only that the caller is known; an empty requirement, nothing at all. */
function accessOf(security) {
  const clauses = security.map((requirement) => Object.entries(requirement).flatMap(([scheme, scopes]) =>
    scopes.length ? scopes : scheme === "bearer" ? "any token" : scheme)).filter((clause) => clause.length);
  const words = clauses.map((clause) => clauses.length > 1 && clause.length > 1 ? `(${clause.join(" and ")})` : clause.join(" and "));
  return { text: words.join(" or "), optional: clauses.length < security.length };
}

function reference(operation) {
  const { description, access: { text, optional }, parameters, body, responses } = operation;
  const access = text ? [optional ? "A token is optional: " : "Needs ", h("code", {}, text), "."] : "Public: no token is needed.";
  return h("div", { class: "reference" }, prose(description), section("Access", h("p", {}, access)),
    parameters.length ? section("Parameters", table("Parameter", "Description", parameters.map(parameterLine))) : [],
    body ? section(body.required ? "Request body" : "Request body, optional", prose(body.description), contentBlock(body.content, REQUEST)) : [],
    section("Responses", Object.entries(responses).map(responseBlock)));
}

/* ── Try it: inputs. Only a path parameter must be filled: sending a wrong value to see the error is what this is for. ── */

let tokenHere = ""; // where storage is blocked, the token lasts as long as the page
const readToken = () => attempt(() => sessionStorage.getItem(TOKEN_KEY), tokenHere) ?? "";

function tokenField() {
  const input = h("input", { class: "secret", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  input.value = readToken();
  input.addEventListener("input", () => {
    tokenHere = input.value.trim();
    attempt(() => tokenHere ? sessionStorage.setItem(TOKEN_KEY, tokenHere) : sessionStorage.removeItem(TOKEN_KEY));
    for (const other of document.querySelectorAll("input.secret")) if (other !== input) other.value = input.value;
  });
  return field("Bearer token", "kept in this tab only", input);
}

const field = (label, hint, control) =>
  h("label", { class: "field" }, h("span", { class: "line" }, span("name", label), span("soft small", hint)), control);

/** The control for one value: `node` to show, `values()` to send. */
function valueField(name, written, { place = "", required = false, start, file = false, whole = false }) {
  const { schema } = look(written, TOP), [type] = typesOf(schema), array = type === "array" && !whole;
  const choices = schema.enum ?? (type === "boolean" ? [true, false] : undefined);
  const must = place === "path", numeric = type === "integer" || type === "number";
  const control = file ? h("input", { type: "file" })
    : choices ? h("select", { required: must }, ["", ...choices].map((choice) => h("option", { value: plain(choice) }, plain(choice) || "—")))
    : array ? h("textarea", { rows: 2, required: must, placeholder: "one value a line", spellcheck: "false" })
    : h("input", { type: "text", required: must, autocomplete: "off", spellcheck: "false", inputmode: numeric && "decimal",
      placeholder: schema.default !== undefined && plain(schema.default) });
  if (start !== undefined && !file) control.value = array ? [start].flat().map(plain).join("\n") : plain(start);
  const values = () => file ? [...control.files] : (array ? control.value.split("\n") : [control.value]).filter(Boolean);
  return { name, node: field(name, dotted(place, typeText(written, TOP), required && "required"), control), values };
}

function parameterField(parameter) {
  const written = schemaOf(parameter), { name, required, in: place } = parameter;
  const start = required ? exampleOf(parameter) ?? sample(written, TOP) : undefined;
  return { parameter, ...valueField(name, written, { place, required, start, whole: parameter.content !== undefined }) };
}

const NO_BODY = { headers: [], curl: [] };
const typed = (type, body, curl) => ({ headers: [["Content-Type", type]], body, curl: [curl] });

function textBody(type, media) {
  const start = mediaSample(media, REQUEST), text = start === undefined ? "" : isJson(type) ? json(start) : plain(start);
  const area = h("textarea", { rows: Math.min(Math.max(text.split("\n").length, 3), 14), spellcheck: "false" }, text);
  const read = () => area.value ? typed(type, area.value, `--data-raw ${quote(area.value)}`) : NO_BODY;
  return { node: field("Body", type, area), read };
}

function formBody(type, media) {
  const { schema, scope } = look(media.schema, REQUEST), multipart = type.startsWith("multipart/");
  const isFile = ({ format, contentMediaType, contentEncoding }) => format === "binary" || (contentMediaType && !contentEncoding);
  const fields = childrenOf({ schema, scope }).map(({ label, written, required }) => valueField(label, written,
    { required, start: required ? sample(written, scope) : undefined, file: multipart && isFile(look(written, scope).schema) }));
  const pairs = () => fields.flatMap(({ name, values }) => values().map((value) => [name, value]));
  const encoded = () => new URLSearchParams(pairs()).toString();
  const read = () => multipart ? multipartOf(pairs()) : typed(type, encoded(), `--data-raw ${quote(encoded())}`);
  return { node: h("div", { class: "stack" }, fields.map(({ node }) => node)), read };
}

function multipartOf(pairs) {
  const body = new FormData(), escaped = (text) => text.replace(/["\\]/g, "\\$&");
  for (const [name, value] of pairs) body.append(name, value);
  const curl = pairs.map(([name, value]) => value instanceof File
    ? `--form ${quote(`${name}=@"${escaped(value.name)}"`)}` : `--form-string ${quote(`${name}=${value}`)}`);
  return { headers: [], body, curl }; // no Content-Type: whoever sends chooses the boundary
}

/** The editor for a body. The server gives an endpoint one body type; of several, the first is offered. */
function bodyField(content) {
  const [type, media] = Object.entries(content)[0];
  if (/^(multipart\/form-data|application\/x-www-form-urlencoded)/.test(type)) return formBody(type, media);
  if (isJson(type) || type.startsWith("text/")) return textBody(type, media);
  const { node, values } = valueField("Body", {}, { place: type, file: true });
  return { node, read: () => values().map((file) => typed(type, file, `--data-binary ${quote("@" + file.name)}`))[0] ?? NO_BODY };
}

/* ── Try it: the request. ── */

const parses = (text) => attempt(() => { JSON.parse(text); return true; }, false);
const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`; // POSIX: between '…' nothing is special but the quote itself
const encode = (text) => encodeURIComponent(text).replaceAll("'", "%27"); // as the browser would, so that curl sends the same bytes

function fillPath(template, fields) {
  return template.replace(BRACED, (whole) => {
    const name = whole.slice(1, -1).replace(/^\*/, "").split(":")[0];
    const found = fields.find(({ parameter }) => parameter.in === "path" && parameter.name === name), value = found?.values().join(",");
    if (value === "." || value === "..") throw new Error(`“${value}” cannot be a path segment: every client removes it from the URL.`);
    if (!value) return whole;
    return found.parameter["x-ketch-catch-all"] ? value.split("/").map(encode).join("/") : encode(value);
  });
}

function requestOf(operation, fields, body) {
  const pairs = (place) => fields.filter(({ parameter }) => parameter.in === place).flatMap(({ parameter: { name, explode }, values }) =>
    (explode === false && values().length ? [values().join(",")] : values()).map((value) => [name, value]));
  const query = pairs("query").map((pair) => pair.map(encode).join("=")).join("&"), { origin, pathname } = operation.server;
  const url = origin + pathname.replace(/\/$/, "") + fillPath(operation.path, fields) + (query && `?${query}`);
  const content = body?.read() ?? NO_BODY, bearer = readToken();
  const headers = [...bearer ? [["Authorization", `Bearer ${bearer}`]] : [], ...pairs("header"), ...content.headers];
  const needsToken = !bearer && operation.access.text !== "" && !operation.access.optional;
  return { method: operation.method.toUpperCase(), url, headers, cookies: pairs("cookie"), content, needsToken };
}

function curlOf({ method, url, headers, cookies, content, needsToken }) {
  const verb = { GET: [], HEAD: ["--head"] }[method] ?? [`--request ${method}`];
  const literal = /[{}[\]]/.test(url) ? ["--globoff"] : []; // curl would read the brackets as a range
  return [["curl", ...verb, ...literal, quote(url)].join(" "), ...needsToken ? ['--header "Authorization: Bearer $TOKEN"'] : [],
    ...headers.map((header) => `--header ${quote(header.join(": "))}`),
    ...cookies.length ? [`--cookie ${quote(cookies.map((pair) => pair.join("=")).join("; "))}`] : [], ...content.curl].join(" \\\n  ");
}

/** Sends without cookies and past the browser's cache, so that the curl command beside it means the same request. */
async function send({ method, url, headers, content }, stop) {
  const started = performance.now();
  const timer = setTimeout(() => stop.abort(`No complete answer in ${DEADLINE_MS / 1000} seconds.`), DEADLINE_MS);
  try {
    const response = await fetch(url, { method, headers, body: content.body, signal: stop.signal, credentials: "omit", cache: "no-store" });
    return { response, ...await readCapped(response, stop), took: performance.now() - started };
  } finally { clearTimeout(timer); }
}

/** Reads at most BODY_LIMIT bytes. A stream cut by the deadline or by Stop still shows what had arrived. */
async function readCapped(response, stop) {
  const reader = response.body?.getReader(), chunks = [];
  let left = BODY_LIMIT, note;
  try {
    for (let part; left >= 0 && reader && !(part = await reader.read()).done; left -= part.value.length) chunks.push(part.value.subarray(0, left));
    if (left < 0) note = `Only the first ${BODY_LIMIT / 1024} KiB are shown.`;
    if (left < 0) await reader.cancel();
  } catch (error) { note = `The body ends early. ${stop.signal.aborted ? stop.signal.reason : error.message}`; }
  return { bytes: new Uint8Array(await new Blob(chunks).arrayBuffer()), note };
}

function bodyBlock(type, bytes, whole) {
  const quiet = (text) => h("p", { class: "soft" }, text);
  if (!bytes.length) return quiet("No body.");
  if (type && !isJson(type) && !/^text\/|xml|javascript|x-www-form-urlencoded/i.test(type)) return quiet(`A body of ${type}, not shown.`);
  const text = new TextDecoder().decode(bytes), block = pre(isJson(type) && (!whole || parses(text)) ? prettyJson(text) : text);
  return h("div", {}, copyBar("Body", block), block);
}

function showReply({ response, bytes, note, took }, line, output) {
  const size = bytes.length < 1024 ? `${bytes.length} B` : `${(bytes.length / 1024).toFixed(1)} KiB`;
  const headers = [...response.headers].map((header) => header.join(": "));
  line.replaceChildren(h("strong", {}, statusMark(response.status), " ", response.statusText), span("soft", dotted(`${Math.round(took)} ms`, size)));
  output.append(...[response.redirected && h("p", { class: "soft" }, `Redirected to ${response.url}`), note && h("p", { class: "warn" }, note),
    lazy("quiet", counted(headers.length, "header"), () => pre(headers.join("\n"))),
    bodyBlock(response.headers.get("content-type") ?? "", bytes, !note)].filter(Boolean));
}

/** The handler of Send, which is Stop while an answer is awaited. */
function submitter(request, button, line, output) {
  let stop;
  return async (event) => {
    event.preventDefault();
    if (stop) return stop.abort("You stopped it.");
    stop = new AbortController();
    button.textContent = "Stop";
    output.replaceChildren();
    line.replaceChildren(span("soft", "Waiting for the answer…"));
    try { showReply(await send(request(), stop), line, output); }
    catch (error) {
      line.replaceChildren();
      const why = stop.signal.aborted ? stop.signal.reason : error.message;
      output.replaceChildren(failure("The request failed", why, "Check that the server is running; the curl command may tell more."));
    }
    stop = undefined;
    button.textContent = "Send";
  };
}

function tryIt(operation) {
  const ruled = /^(accept|content-type|authorization)$/i; // OpenAPI: header parameters of these names are ignored
  const fields = operation.parameters.filter((parameter) => parameter.in !== "header" || !ruled.test(parameter.name)).map(parameterField);
  const body = operation.body?.content && !/^(get|head)$/.test(operation.method) ? bodyField(operation.body.content) : undefined;
  const { origin } = operation.server, foreign = origin !== location.origin;
  const button = h("button", { class: "send", disabled: foreign }, "Send"), curl = pre();
  const line = h("div", { class: "bar", role: "status" }), output = h("div", { class: "stack" }); // only the status line is read aloud
  const request = () => requestOf(operation, fields, body);
  const draw = () => { try { curl.textContent = curlOf(request()); } catch (error) { curl.textContent = error.message; } };
  const form = h("form", { submit: submitter(request, button, line, output), input: draw, change: draw, focusin: draw,
    keydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(); } },
  fields.map(({ node }) => node), body ? body.node : [], tokenField(), h("div", {}, button),
  fields.some(({ parameter }) => parameter.in === "cookie") && h("p", { class: "soft" }, "A page cannot set cookies; the curl command does."),
  foreign && h("p", { class: "soft" }, `This page may only send to its own origin, and ${origin} is another. Use the curl command.`));
  draw();
  return h("section", { class: "try stack" }, h("h3", {}, "Try it"), form, line, output, h("div", {}, copyBar("curl", curl), curl));
}

/* ── The page. ── */

function operationsOf(documentUrl) {
  const taken = new Set();
  return Object.entries(api.paths ?? {}).flatMap(([path, written]) => {
    const item = dereference(written);
    return METHODS.filter((method) => item[method]).map((method) => {
      const own = item[method], wanted = own.operationId ?? `${method}${path}`, id = taken.has(wanted) ? `${wanted}-${taken.size}` : wanted;
      const parameters = [...item.parameters ?? [], ...own.parameters ?? []].map(dereference); // later ones win, below
      taken.add(id);
      return { ...own, id, method, path, summary: own.summary ?? "", tag: own.tags?.[0] ?? "Other", responses: own.responses ?? {},
        parameters: [...new Map(parameters.map((parameter) => [`${parameter.in} ${parameter.name}`, parameter])).values()],
        body: own.requestBody && dereference(own.requestBody),
        access: accessOf(own.security ?? api.security ?? []), server: serverOf(own.servers ?? item.servers ?? api.servers, documentUrl) };
    });
  });
}

function serverOf(servers, documentUrl) {
  const { url = "/", variables = {} } = servers?.[0] ?? {};
  return new URL(url.replace(/\{([^}]*)\}/g, (whole, name) => variables[name]?.default ?? whole), documentUrl);
}

function endpointRow(operation) {
  const { id, method, path, summary, deprecated, access: { text, optional } } = operation, hash = `#${encode(id)}`;
  const line = [methodMark(method), pathMark(path), span("summary", summary), deprecated === true && span("mark warn", "deprecated"),
    text && span("mark", optional ? "token optional" : `needs ${text}`)];
  const build = () => h("div", { class: "inside" }, reference(operation), tryIt(operation));
  const endpoint = lazy(deprecated === true ? "endpoint deprecated" : "endpoint", line, build);
  endpoint.addEventListener("toggle", () => { if (endpoint.open) history.replaceState(null, "", hash); });
  const link = h("a", { href: hash, click: () => reveal(id) }, methodMark(method), h("span", {}, summary || path));
  rows.set(id, { operation, endpoint, link });
  return endpoint;
}

function groupSection({ name, description }, operations) {
  const endpoints = operations.map(endpointRow), links = operations.map(({ id }) => h("li", {}, rows.get(id).link));
  page.nav.append(h("div", {}, h("h2", {}, name), h("ul", {}, links)));
  return h("section", { class: "group" }, h("h2", {}, name), prose(description), h("div", { class: "rows" }, endpoints));
}

function render(url) {
  const operations = operationsOf(url), { title = "API documentation", version, summary, description } = api.info ?? {};
  const members = Map.groupBy(operations, ({ tag }) => tag), declared = new Map((api.tags ?? []).map((tag) => [tag.name, tag]));
  const groups = [...new Set([...declared.keys(), ...members.keys()])].filter((name) => members.has(name)) // as declared, then as first used
    .map((name) => groupSection(declared.get(name) ?? { name }, members.get(name)));
  document.title = page.brand.textContent = title;
  const base = serverOf(api.servers, url).href.replace(/\/$/, "");
  page.main.replaceChildren(h("header", { class: "intro" }, h("h1", {}, title),
    facts([version === undefined ? [] : fact("version", version), fact("base URL", base)]), prose(summary), prose(description)),
  page.found, ...groups);
  filter();
  revealHash();
}

function filter() {
  const written = page.search.value.trim(), words = written.toLowerCase().split(/\s+/);
  for (const { operation: { id, method, path, summary }, endpoint, link } of rows.values()) {
    const text = `${method} ${path} ${summary} ${id}`.toLowerCase();
    endpoint.hidden = link.hidden = !words.every((word) => text.includes(word));
  }
  for (const block of document.querySelectorAll(".group, nav > div"))
    block.hidden = !block.querySelector(".endpoint:not([hidden]), a:not([hidden])");
  const shown = [...rows.values()].filter(({ endpoint }) => !endpoint.hidden).length, empty = rows.size ? "" : "This document has no endpoints.";
  page.found.textContent = written ? `${counted(shown, "endpoint")} found for “${written}”.` : empty;
}

function reveal(id) {
  const row = rows.get(id);
  if (!row) return;
  if (row.endpoint.hidden) resetSearch();
  for (const { link } of rows.values()) link.setAttribute("aria-current", link === row.link);
  row.endpoint.open = true;
  row.endpoint.scrollIntoView();
  row.endpoint.firstChild.focus({ preventScroll: true });
}

const revealHash = () => reveal(attempt(() => decodeURIComponent(location.hash.slice(1)), ""));
const resetSearch = () => { page.search.value = ""; filter(); };

/* ── Loading. ── */

const ADVICE = {
  401: "The document is protected. Enter a token that may read it, then try again.",
  404: "Check that the server publishes its OpenAPI document, and at this address.",
  other: "Check that the server is running and look at its log, then try again.",
  format: "Check that this address is an OpenAPI 3 document and not another page, then try again.",
};

const failure = (title, why, advice, ...more) =>
  h("div", { class: "failure", role: "alert" }, h("h2", {}, title), h("p", {}, inline(why)), h("p", { class: "soft" }, advice), ...more);

/** Fetches a document, or throws an Error that says why not, with `advice` on what to do. */
async function load(url) {
  const fail = (why, advice) => { throw Object.assign(new Error(why), { advice }); };
  const headers = readToken() ? { Authorization: `Bearer ${readToken()}` } : {}, signal = AbortSignal.timeout(DEADLINE_MS);
  const response = await fetch(url, { headers, cache: "no-cache", signal }).catch((error) => fail(`No answer: ${error.message}.`, ADVICE.other));
  const answered = `The server answered ${`${response.status} ${response.statusText}`.trim()}`;
  if (!response.ok) fail(`${answered}.`, ADVICE[response.status === 403 ? 401 : response.status] ?? ADVICE.other);
  const loaded = await response.json().catch((error) => fail(`${answered}, but not with JSON: ${error.message}.`, ADVICE.format));
  if (!/^3\./.test(loaded?.openapi)) fail(`${answered} with JSON that is not an OpenAPI 3 document: its root has no "openapi": "3…".`, ADVICE.format);
  return loaded;
}

const mainUrl = new URL(document.body.dataset.document, location.href);
let versions = new Map([["", mainUrl]]); // as the main document lists them; "" is the main document, with all of them
let turn = 0;                            // the latest load wins: one that answers late is dropped

/** Shows one version. The main document is always read first, because only it lists the others. */
async function show(version) {
  const mine = turn += 1, overtaken = () => mine !== turn;
  let url = mainUrl;
  rows = new Map();
  page.nav.replaceChildren();
  try {
    const main = await load(mainUrl);
    if (overtaken()) return;
    listVersions(main["x-ketch-documents"] ?? [], version);
    url = versions.get(version) ?? mainUrl;
    const loaded = url === mainUrl ? main : await load(url);
    if (overtaken()) return;
    api = loaded;
    render(url);
  } catch (error) {
    if (overtaken()) return;
    const retry = h("button", { type: "button", click: () => show(version) }, "Try again");
    page.main.replaceChildren(failure("The API document could not be loaded", `\`GET ${url.href}\`: ${error.message}`, error.advice ?? ADVICE.format,
      error.advice === ADVICE[401] ? tokenField() : [], retry));
  }
}

function listVersions(listed, chosen) {
  versions = new Map([["", mainUrl], ...listed.map(({ version, url }) => [String(version), new URL(url, mainUrl)])]);
  page.picker.replaceChildren(...[...versions.keys()].map((name) => h("option", { value: name }, name ? `Version ${name}` : "All versions")));
  page.picker.value = versions.has(chosen) ? chosen : "";
  page.picker.hidden = versions.size === 1;
}

page.picker.addEventListener("change", () => {
  const version = page.picker.value;
  history.replaceState(null, "", location.pathname + (version && `?version=${encode(version)}`));
  show(version);
});
page.search.addEventListener("input", filter);
addEventListener("hashchange", revealHash);
addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, textarea, select"), plainKey = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "/" && !typing && plainKey) { event.preventDefault(); page.search.focus(); }
  if (event.key === "Escape" && event.target === page.search) { resetSearch(); page.search.blur(); }
});
show(new URLSearchParams(location.search).get("version") ?? "");
