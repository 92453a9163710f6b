/** A thread of a team: computes its share of every step until it is terminated. */

import { join } from "./threads/team.js";

globalThis.onmessage = async (/** @type {MessageEvent<import("./threads/team.js").Assignment>} */ { data }) => {
  const { meeting, step } = await join(data).catch((error) => {
    globalThis.postMessage({ trouble: String(error) });
    throw error;
  });
  const task = new Uint32Array(data.memory.buffer, data.task, 3);
  // Before the team knows of this thread there is no task.
  let known = 0;
  globalThis.postMessage({ trouble: "" });
  for (;;) {
    known = meeting.awaitTask(known);
    const [n, position, logits] = task;
    step.run(n, position, logits);
  }
};
