"use strict";
// A peer of the benchmark that needs nothing but Node: a line of JSON there and one back.

const { once } = require("node:events");
const net = require("node:net");
const readline = require("node:readline");
const { Caller, main } = require("../../bench/peers/node/load.cjs");

async function serve() {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    readline.createInterface({ input: socket }).on("line", (line) => {
      const item = JSON.parse(line);
      socket.write(`${JSON.stringify({ ...item, number: item.number + 1 })}\n`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}

class LinesCaller extends Caller {
  async open(port) {
    this.waiting = [];
    this.socket = net.connect(port, "127.0.0.1");
    readline.createInterface({ input: this.socket }).on("line", (line) => {
      this.waiting.shift()(JSON.parse(line));
    });
    await once(this.socket, "connect");
  }

  async close() {
    this.socket.destroy();
  }

  async echo(payload) {
    const reply = await new Promise((resolve) => {
      this.waiting.push(resolve);
      this.socket.write(`${JSON.stringify(payload)}\n`);
    });
    if (reply.number !== payload.number + 1) throw new Error(`answered ${reply.number}`);
  }

  async upload(_items) {
    throw new Error("refused\nfor a reason");
  }
}

main({ serve, make: () => new LinesCaller() });
