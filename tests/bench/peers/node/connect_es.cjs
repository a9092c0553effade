"use strict";
// connect-es: the Connect protocol over HTTP/2 without TLS, protobuf in binary.

const { once } = require("node:events");
const http2 = require("node:http2");
const { create, createFileRegistry, fromJson } = require("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = require("@bufbuild/protobuf/wkt");
const { createClient } = require("@connectrpc/connect");
const {
  Http2SessionManager,
  connectNodeAdapter,
  createConnectTransport,
} = require("@connectrpc/connect-node");
const { Caller, SMALL, main, produced } = require("./load.cjs");

const TYPES = { string: "TYPE_STRING", int64: "TYPE_INT64", double: "TYPE_DOUBLE", bytes: "TYPE_BYTES" };

function message(name, fields) {
  const field = ([name, type, isList], index) => ({
    name,
    number: index + 1,
    label: isList ? "LABEL_REPEATED" : "LABEL_OPTIONAL",
    type: TYPES[type],
    jsonName: name,
  });
  return { name, field: fields.map(field) };
}

function method(name, takes, gives, streamed = {}) {
  return { name, inputType: `.duologue.bench.${takes}`, outputType: `.duologue.bench.${gives}`, ...streamed };
}

/** What protoc makes of ../echo.proto. */
const registry = createFileRegistry(fromJson(FileDescriptorSetSchema, {
  file: [{
    name: "echo.proto",
    package: "duologue.bench",
    syntax: "proto3",
    messageType: [
      message("Item", [["name", "string"], ["number", "int64"], ["ratio", "double"], ["tags", "string", true]]),
      message("CountRequest", [["items", "int64"]]),
      message("Blob", [["data", "bytes"]]),
    ],
    service: [{
      name: "Echo",
      method: [
        method("Echo", "Item", "Item"),
        method("Raw", "Blob", "Blob"),
        method("Count", "CountRequest", "Item", { serverStreaming: true }),
        method("Take", "Item", "CountRequest", { clientStreaming: true }),
        method("Mirror", "Item", "Item", { clientStreaming: true, serverStreaming: true }),
      ],
    }],
  }],
}));
const Echo = registry.getService("duologue.bench.Echo");
const Item = registry.getMessage("duologue.bench.Item");
const CountRequest = registry.getMessage("duologue.bench.CountRequest");
const Blob = registry.getMessage("duologue.bench.Blob");

const itemOf = (payload) => create(Item, { ...payload, number: BigInt(payload.number) });
const raised = (item) => create(Item, {
  name: item.name,
  number: item.number + 1n,
  ratio: item.ratio,
  tags: item.tags,
});

async function* items(number) {
  for (const each of produced(number)) yield itemOf(each);
}

const service = {
  echo: (item) => raised(item),
  raw: (blob) => create(Blob, { data: blob.data }),
  count: (request) => items(Number(request.items)),
  async take(sent) {
    let number = 0n;
    for await (const _item of sent) number += 1n;
    return create(CountRequest, { items: number });
  },
  async *mirror(sent) {
    for await (const item of sent) yield raised(item);
  },
};

async function serve() {
  const server = http2.createServer(connectNodeAdapter({
    routes: (router) => router.service(Echo, service),
    acceptCompression: [],
  }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

class ConnectCaller extends Caller {
  async open(port) {
    const baseUrl = `http://127.0.0.1:${port}`;
    this.sessions = new Http2SessionManager(baseUrl);
    this.client = createClient(Echo, createConnectTransport({
      baseUrl,
      httpVersion: "2",
      useBinaryFormat: true,
      acceptCompression: [],
      sessionManager: this.sessions,
    }));
  }

  async close() {
    this.sessions.abort();
  }

  async echo(payload) {
    const reply = await this.client.echo(itemOf(payload));
    if (reply.number !== BigInt(payload.number + 1)) throw new Error(`answered ${reply.number}`);
  }

  async blob(data) {
    const reply = await this.client.raw(create(Blob, { data }));
    if (reply.data.length !== data.length) throw new Error(`answered ${reply.data.length} bytes`);
  }

  async stream(number) {
    let came = 0;
    for await (const _item of this.client.count({ items: BigInt(number) })) came += 1;
    if (came !== number) throw new Error(`${came} items came`);
  }

  async upload(number) {
    const reply = await this.client.take(items(number));
    if (reply.items !== BigInt(number)) throw new Error(`${reply.items} items arrived`);
  }

  async exchange(number) {
    let came = 0;
    for await (const _item of this.client.mirror(items(number))) came += 1;
    if (came !== number) throw new Error(`${came} items came back`);
  }

  async trips(number, taken) {
    let send;
    const wanted = async function* () {
      for (let made = 0; made < number; made += 1) {
        await new Promise((resolve) => { send = resolve; });
        yield itemOf(SMALL);
      }
    };
    const replies = this.client.mirror(wanted())[Symbol.asyncIterator]();
    for (let made = 0; made < number; made += 1) {
      const start = performance.now();
      const next = replies.next();
      // The first call of `next` opens the stream, and the generator is asked a little later.
      while (!send) await new Promise(setImmediate);
      send();
      send = undefined;
      const { value } = await next;
      taken.push(performance.now() - start);
      if (value.number !== BigInt(SMALL.number + 1)) throw new Error(`answered ${value.number}`);
    }
    await replies.next();
  }
}

main({ serve, make: () => new ConnectCaller() });
