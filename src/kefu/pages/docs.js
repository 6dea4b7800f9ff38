// Draws /openapi.json: routes by group, parameters, bodies, answers and a curl line to copy.
import { make } from "./dom.js";

const spec = await (await fetch("/openapi.json")).json();
const facts = await (await fetch("/pages.json")).json();
const $ = (id) => document.getElementById(id);

function look(schema) {
  return schema?.$ref ? spec.components.schemas[schema.$ref.split("/").pop()] : schema || {};
}

function kind(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(kind).filter((name) => name !== "null").join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `list of ${kind(schema.items) || "anything"}`;
  const limits = [["minimum", "≥"], ["maximum", "≤"], ["minLength", "length ≥"], ["maxLength", "length ≤"]].filter(([key]) => schema[key] !== undefined).map(([key, sign]) => `${sign} ${schema[key]}`);
  return [schema.type || "anything", ...limits].join(" ");
}

// Descriptions are wrapped source text with code marks.
function plain(text) {
  return text.replaceAll("`", "").replace(/([^\n])\n(?!\n)/g, "$1 ");
}

function table(rows) {
  return make("table", {}, ...rows.map(([name, type, text, must]) => make("tr", {}, make("td", {}, make("code", { text: name }), must ? make("span", { class: "must", text: " *" }) : ""), make("td", { text: type }), make("td", { text: text || "" }))));
}

function fields(schema) {
  const whole = look(schema);
  return Object.entries(whole.properties || {}).map(([name, value]) => [name, kind(value), value.description || look(value).description, (whole.required || []).includes(name)]);
}

// A line to copy: path parameters stand with their example, the key only where it is asked for.
function curl(method, path, operation) {
  const given = Object.fromEntries((operation.parameters || []).filter((one) => one.in === "path" && one.example !== undefined).map((one) => [one.name, one.example]));
  const needed = (facts.keys.find(([prefix]) => path.startsWith(prefix)) || ["", false])[1];
  const lines = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${location.origin}${path.replace(/{(\w+)}/g, (whole, name) => given[name] ?? whole)}`];
  if (needed) lines.push("-H 'Authorization: Bearer …'");
  if (facts.examples[path] && method === "post") lines.push("-H 'content-type: application/json'", `-d '${JSON.stringify(facts.examples[path])}'`);
  return lines.join(" \\\n  ");
}

$("title").textContent = `${spec.info.title} ${spec.info.version}`;
$("about").textContent = plain(spec.info.description);
const groups = {};
for (const [path, operations] of Object.entries(spec.paths)) {
  for (const [method, operation] of Object.entries(operations)) (groups[operation.tags?.[0] || "other"] ??= []).push([method, path, operation]);
}
for (const [group, routes] of Object.entries(groups)) {
  $("index").append(make("h2", { text: group }));
  for (const [method, path, operation] of routes) {
    const id = operation.operationId;
    $("index").append(make("a", { href: `#${id}`, text: operation.summary }));
    const section = make("section", { id }, make("h2", {}, make("span", { class: `method ${method}`, text: method.toUpperCase() }), make("code", { class: "path", text: path }), operation.security ? make("span", { class: "lock", text: "API key" }) : ""));
    section.append(make("p", { text: plain([operation.summary, operation.description].filter(Boolean).join(". ")) }));
    const parameters = (operation.parameters || []).map((one) => [`${one.name} (${one.in})`, kind(one.schema), one.description, one.required]);
    if (parameters.length) section.append(make("h3", { text: "Parameters" }), table(parameters));
    const body = operation.requestBody?.content["application/json"]?.schema;
    if (body) section.append(make("h3", { text: `Body: ${kind(body)}` }), table(fields(body)));
    section.append(make("h3", { text: "Example" }), make("pre", { text: curl(method, path, operation) }));
    const answers = Object.entries(operation.responses || {}).map(([status, answer]) => [status, Object.values(answer.content || {}).map((one) => kind(one.schema)).join(" or "), answer.description]);
    section.append(make("details", {}, make("summary", { text: "Answers" }), table(answers)));
    $("routes").append(section);
  }
}
const shapes = make("section", { id: "shapes" }, make("h2", { text: "Shapes" }));
for (const [name, schema] of Object.entries(spec.components?.schemas || {})) {
  shapes.append(make("h3", { text: name }), schema.description ? make("p", { text: plain(schema.description) }) : "", table(fields(schema)));
}
$("index").append(make("h2", { text: "more" }), make("a", { href: "#shapes", text: "Shapes" }), make("a", { href: "/openapi.json", text: "openapi.json" }));
$("routes").append(shapes);
