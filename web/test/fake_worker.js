/** Workers that say what a test tells them to. */

export class FakeWorker {
  constructor(file) {
    this.file = file;
    this.received = [];
    this.ended = false;
  }
  postMessage(message) {
    this.received.push(message);
  }
  terminate() {
    this.ended = true;
  }
  say(data) {
    if (!this.ended) this.onmessage({ data });
  }
  ready(backend, millisecondsPerToken, rest = {}) {
    this.say({ type: "ready", backend, millisecondsPerToken, storage: "stored", ...rest });
  }
}

/** A record of a client's callbacks, and the workers that it started. */
export function observe(ModelClient, forced = null, threads = null) {
  const log = [];
  const workers = [];
  const note =
    (name) =>
    (...values) =>
      log.push([name, ...values.map((value) => value?.type ?? value)]);
  const callbacks = {
    onMessage: note("message"),
    onSwitch: note("switch"),
    onHandOver: (ready) => log.push(["hand over", ready.backend]),
    onFail: note("fail"),
  };
  const start = (file) => {
    workers.push(new FakeWorker(file));
    return workers.at(-1);
  };
  const client = new ModelClient("bundle/", forced, callbacks, start, threads);
  return { client, log, workers };
}
