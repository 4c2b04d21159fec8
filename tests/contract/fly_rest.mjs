// Copyright (c) 2026, the flyover contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Judges requests and answers by the client that is generated from Fly's published OpenAPI specification, and calls it.
//
// Each line of input is {"method", "path", "query", "body", "answer"}, an exchange to judge, or {"call", "input"}, a
// call to make. Each gets one line back: {"operation", "problems": {place: text}}, for a call also "requests", and
// "answer" or "error". An operation that the specification does not have is null.

import { createInterface } from "node:readline";
import { getAnn, getProps, resolveNode } from "@distilled.cloud/core/protocol-http";
import { credentials } from "@distilled.cloud/fly-io/Credentials";
import * as machines from "@distilled.cloud/fly-io/machines";
import * as postgres from "@distilled.cloud/fly-io/mpg";
import { httpSymbol, querySymbol } from "@distilled.cloud/fly-io/Traits";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import * as Schema from "effect/Schema";
import * as FetchHttpClient from "effect/unstable/http/FetchHttpClient";

const services = { ...machines, ...postgres };
const strictly = { parseOptions: { errors: "all", onExcessProperty: "error" } };
const label = /\{(\w+)\}/g;

const operations = Object.entries(services)
  .filter(([, value]) => typeof value === "function" && "operationName" in value)
  .map(([name, { input, output }]) => {
    const { method, uri } = getAnn(input.ast, httpSymbol);
    const path = new RegExp(`^${uri.replace(label, "(?<$1>[^/]+)")}$`);
    return { name, method, path, labels: uri.match(label)?.length ?? 0, input, output };
  })
  // Of .../postgresv2/regions and .../postgresv2/{id}, the one that says more.
  .sort((one, other) => one.labels - other.labels);

function problems(schema, value, place) {
  const { issues = [] } = Schema.toStandardSchemaV1(schema, strictly)["~standard"].validate(value);
  const at = ({ path }) => path.map((key) => (typeof key === "number" ? "[]" : `.${String(key)}`)).join("");
  return issues.map((issue) => [place + at(issue), issue.message]);
}

// What stands in a query is text: read it as the type that the specification gives the parameter.
function parameters(schema, query) {
  const types = new Map(
    getProps(schema.ast)
      .filter(({ type }) => getAnn(type, querySymbol) !== undefined)
      .map(({ name, type }) => [name, resolveNode(type)._tag]),
  );
  const read = ([name, text]) => [name, types.get(name) === "String" ? text : JSON.parse(text)];
  return Object.fromEntries(Object.entries(query).map(read));
}

function judge({ method, path, query, body, answer }) {
  const found = operations.find((operation) => operation.method === method && operation.path.test(path));
  if (!found) return { operation: null, problems: {} };
  const labels = Object.entries(found.path.exec(path).groups ?? {});
  const sent = {
    ...Object.fromEntries(labels.map(([name, text]) => [name, decodeURIComponent(text)])),
    ...parameters(found.input, query),
    ...body,
  };
  const output = resolveNode(found.output.ast);
  // An answer without a member is one that the specification does not describe.
  const described = output._tag !== "Objects" || getProps(output).length > 0;
  return {
    operation: found.name,
    problems: Object.fromEntries([
      ...problems(found.input, sent, "request"),
      ...(described ? problems(found.output, answer, "answer") : []),
    ]),
  };
}

// Nothing leaves this computer: whatever host the client means, the sandbox answers.
async function fetchFromSandbox(exchanges, address, init) {
  const url = new URL(address);
  const answer = await fetch(new URL(url.pathname + url.search, process.env.FLY_FLAPS_BASE_URL), init);
  const text = await answer.clone().text();
  exchanges.push({
    method: init.method,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    body: init.body ? JSON.parse(new TextDecoder().decode(init.body)) : {},
    answer: text ? JSON.parse(text) : undefined,
  });
  return answer;
}

async function call(name, input) {
  const exchanges = [];
  const layer = Layer.mergeAll(
    FetchHttpClient.layer.pipe(
      Layer.provide(Layer.succeed(FetchHttpClient.Fetch, fetchFromSandbox.bind(null, exchanges))),
    ),
    credentials({ apiKey: process.env.FLY_API_TOKEN, apiBaseUrl: process.env.FLY_FLAPS_BASE_URL }),
  );
  const requests = exchanges;
  try {
    const answer = await Effect.runPromise(Effect.provide(services[name](input), layer));
    return { ...judge(exchanges.at(-1)), requests, answer };
  } catch (error) {
    return { operation: name, problems: {}, requests, error: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  console.log(JSON.stringify(asked.call ? await call(asked.call, asked.input) : judge(asked)));
}
