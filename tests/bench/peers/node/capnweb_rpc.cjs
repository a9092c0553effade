"use strict";
// Cap'n Web over one WebSocket of `ws`: objects as JSON, types in TypeScript only, nothing validated.

const { once } = require("node:events");
const { RpcTarget, newWebSocketRpcSession } = require("capnweb");
const { WebSocket, WebSocketServer } = require("ws");
const { Caller, SMALL, main, produced } = require("./load.cjs");

// capnweb asks the global one for its constants; Node has it from version 22 on.
globalThis.WebSocket ??= WebSocket;

const raised = (item) => ({
  name: item.name,
  number: item.number + 1,
  ratio: item.ratio,
  tags: item.tags,
});

/** What an iterator gives. capnweb takes plain streams only: those of pipes are of another class. */
function readable(items) {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await items.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

class Echo extends RpcTarget {
  echo(item) {
    return raised(item);
  }

  blob(data) {
    return data;
  }

  count(items) {
    return readable(produced(items));
  }

  async take(items) {
    let number = 0;
    for await (const _item of items) number += 1;
    return number;
  }

  mirror(items) {
    return readable(raisedItems(items));
  }
}

async function* raisedItems(items) {
  for await (const item of items) yield raised(item);
}

async function serve() {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    maxPayload: 1 << 26,
    perMessageDeflate: false,
  });
  server.on("connection", (socket) => newWebSocketRpcSession(socket, new Echo()));
  await once(server, "listening");
  return server.address().port;
}

class CapnwebCaller extends Caller {
  async open(port) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    await once(this.socket, "open");
    this.api = newWebSocketRpcSession(this.socket);
  }

  async close() {
    this.api[Symbol.dispose]();
    if (this.socket.readyState !== WebSocket.CLOSED) await once(this.socket, "close");
  }

  async echo(payload) {
    const reply = await this.api.echo(payload);
    if (reply.number !== payload.number + 1) throw new Error(`answered ${reply.number}`);
  }

  async blob(data) {
    const reply = await this.api.blob(data);
    if (reply.length !== data.length) throw new Error(`answered ${reply.length} bytes`);
  }

  async stream(items) {
    let number = 0;
    for await (const _item of await this.api.count(items)) number += 1;
    if (number !== items) throw new Error(`${number} items came`);
  }

  async upload(items) {
    const number = await this.api.take(readable(produced(items)));
    if (number !== items) throw new Error(`${number} items arrived`);
  }

  async exchange(items) {
    let number = 0;
    for await (const _item of await this.api.mirror(readable(produced(items)))) number += 1;
    if (number !== items) throw new Error(`${number} items came back`);
  }

  async trips(number, taken) {
    let sending;
    const sent = new ReadableStream({ start: (controller) => { sending = controller; } });
    const reader = (await this.api.mirror(sent)).getReader();
    for (let made = 0; made < number; made += 1) {
      const start = performance.now();
      sending.enqueue({ ...SMALL });
      const { value } = await reader.read();
      taken.push(performance.now() - start);
      if (value.number !== SMALL.number + 1) throw new Error(`answered ${value.number}`);
    }
    sending.close();
  }
}

main({ serve, make: () => new CapnwebCaller() });
