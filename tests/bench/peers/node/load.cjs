"use strict";
// The load of duologue/bench/load.py for peers that run on Node: the same payload, orders and figures.
// CommonJS, because packages are then found by NODE_PATH, in an environment outside of this folder.

const fs = require("node:fs");
const readline = require("node:readline");

const SMALL = {
  name: "thermometer in the cellar",
  number: 1234,
  ratio: 0.618,
  tags: ["north", "calibrated", "battery"],
};
const LARGE = { ...SMALL, name: "n".repeat(65_536) };
const BLOB = Uint8Array.from({ length: 65_536 }, (_, index) => index % 256);
const PAYLOADS = { small: SMALL, large: LARGE, blob: BLOB };

const ITEMS_OF_CALL = 10_000;
const TRIPS_OF_CALL = 200;
const WARM_UP_SHARE = 0.25;

/** What a caller throws if its peer has nothing of the kind. */
class Cannot extends Error {}

/** One connection of a client. A peer overrides what it has. */
class Caller {
  async open(_port) { throw new Cannot(); }
  async close() { throw new Cannot(); }
  async echo(_payload) { throw new Cannot(); }
  async blob(_data) { throw new Cannot(); }
  async stream(_items) { throw new Cannot(); }
  async upload(_items) { throw new Cannot(); }
  async exchange(_items) { throw new Cannot(); }
  async trips(_number, _taken) { throw new Cannot(); }

  callerOf(payload) {
    return payload instanceof Uint8Array ? () => this.blob(payload) : () => this.echo(payload);
  }

  async drive(payload, inFlight, seconds) {
    const call = this.callerOf(payload);
    const end = performance.now() + seconds * 1e3;
    const work = async () => {
      let number = 0;
      while (!number || performance.now() < end) {
        await call();
        number += 1;
      }
      return number;
    };
    const numbers = await Promise.all(Array.from({ length: inFlight }, work));
    return numbers.reduce((all, each) => all + each, 0);
  }
}

/** CPU seconds of all threads of a process, exact to the nanosecond. Linux only. */
function cpuSecondsOf(pid) {
  let nanoseconds = 0;
  for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
    const text = fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, "ascii");
    nanoseconds += Number(text.split(" ", 1)[0]);
  }
  return nanoseconds / 1e9;
}

function residentBytes(pid) {
  return Number(fs.readFileSync(`/proc/${pid}/statm`, "ascii").split(" ")[1]) * 4096;
}

const sumOf = (pids, figure) => pids.reduce((all, pid) => all + figure(pid), 0);

function cpu(before, pids, number) {
  const perCall = (pid, index) => ((cpuSecondsOf(pid) - before[index]) / number) * 1e6;
  const [own, ...servers] = [process.pid, ...pids].map(perCall);
  return { client_us: own, server_us: servers };
}

function latencies(taken) {
  taken.sort((a, b) => a - b);
  const at = (share) => taken[Math.floor(taken.length * share)] * 1e3;
  return { p50_us: at(0.5), p99_us: at(0.99) };
}

/** Carries out what the comparison orders; see `Client` in load.py. */
class Client {
  constructor(make, port) {
    this.make = make;
    this.port = port;
  }

  async carryOut(order) {
    const pids = order.pids ?? [];
    if (order.what === "set-up") return this.setUp(order.times, pids);
    if (order.what === "idle") return this.idle(order.connections, pids);
    if (!this.caller) {
      this.caller = this.make();
      await this.caller.open(this.port);
    }
    if (order.what === "items") return this.items(order.flow, order.seconds, pids);
    if (order.what === "trips") return this.trips(order.seconds);
    return this.calls(order, pids);
  }

  async setUp(times, pids) {
    const taken = [];
    const all = [process.pid, ...pids];
    const before = sumOf(all, cpuSecondsOf);
    for (let number = 0; number < times; number += 1) {
      const caller = this.make();
      const start = performance.now();
      await caller.open(this.port);
      await caller.echo(SMALL);
      taken.push(performance.now() - start);
      await caller.close();
    }
    taken.sort((a, b) => a - b);
    const used = sumOf(all, cpuSecondsOf) - before;
    return { set_up_ms: taken[taken.length >> 1], set_up_cpu_ms: (used / times) * 1e3 };
  }

  async idle(connections, pids) {
    const opened = [];
    const early = connections >> 2;
    let before = 0;
    for (let number = 0; number < connections + early; number += 1) {
      if (number === early) before = sumOf(pids, residentBytes);
      const caller = this.make();
      await caller.open(this.port);
      await caller.echo(SMALL);
      opened.push(caller);
    }
    const grown = sumOf(pids, residentBytes) - before;
    for (const caller of opened) await caller.close();
    return { idle_kib: grown / connections / 1024 };
  }

  async items(flow, seconds, pids) {
    await this.caller[flow](ITEMS_OF_CALL >> 2);
    const before = [process.pid, ...pids].map(cpuSecondsOf);
    const start = performance.now();
    let items = 0;
    while (!items || performance.now() - start < seconds * 1e3) {
      await this.caller[flow](ITEMS_OF_CALL);
      items += ITEMS_OF_CALL;
    }
    const elapsed = (performance.now() - start) / 1e3;
    return { items_per_s: items / elapsed, ...cpu(before, pids, items) };
  }

  async trips(seconds) {
    const taken = [];
    await this.caller.trips(TRIPS_OF_CALL, []);
    const end = performance.now() + seconds * 1e3;
    while (!taken.length || performance.now() < end) {
      await this.caller.trips(TRIPS_OF_CALL, taken);
    }
    return latencies(taken);
  }

  async calls(order, pids) {
    const payload = PAYLOADS[order.payload];
    const { in_flight: inFlight, seconds } = order;
    await this.caller.drive(payload, inFlight, seconds * WARM_UP_SHARE);
    const taken = [];
    const before = [process.pid, ...pids].map(cpuSecondsOf);
    const start = performance.now();
    const number = inFlight === 1
      ? await this.oneByOne(payload, seconds, taken)
      : await this.caller.drive(payload, inFlight, seconds);
    const elapsed = (performance.now() - start) / 1e3;
    const figures = { per_s: number / elapsed, ...cpu(before, pids, number) };
    return taken.length ? { ...figures, ...latencies(taken) } : figures;
  }

  async oneByOne(payload, seconds, taken) {
    const call = this.caller.callerOf(payload);
    let before = performance.now();
    const end = before + seconds * 1e3;
    while (!taken.length || before < end) {
      await call();
      const now = performance.now();
      taken.push(now - before);
      before = now;
    }
    return taken.length;
  }
}

const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** What a program does: `server`, or `client PORT`. `serve` promises the port once it listens. */
async function main({ serve, make }) {
  const [role, port] = process.argv.slice(2);
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("close", () => process.exit(0));
  if (role === "server") {
    tell({ port: await serve(), pids: [process.pid] });
    return;
  }
  const client = new Client(make, Number(port));
  tell({ pids: [process.pid] });
  for await (const line of lines) {
    try {
      tell(await client.carryOut(JSON.parse(line)));
    } catch (error) {
      // Whatever a peer throws belongs into its row.
      tell(error instanceof Cannot ? { cannot: true } : { error: String(error) });
    }
  }
}

/** So many payloads as items. */
function* produced(number) {
  for (let made = 0; made < number; made += 1) yield { ...SMALL };
}

module.exports = { Caller, SMALL, main, produced };
