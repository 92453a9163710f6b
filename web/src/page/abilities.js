/** What follows from the state for the view: what can be pressed, and what stands beside each text. */

import { isEmpty, path } from "./manuscript/tree.js";

/** @typedef {import("./state.js").State} State */

/** What the buttons can do now. @param {State} state */
export function abilities({ manuscript, phase, running, settings, wanted, replay, stopping }) {
  const quiet = running === null && settings !== null && wanted === "" && replay === null;
  const tips = manuscript.tips.map((place) => manuscript.passages[place]);
  return {
    canLoad: settings !== null && (phase === "idle" || phase === "failed"),
    canWrite: quiet,
    canStop: (running !== null && !stopping) || wanted !== "",
    canContinue: quiet && tips.some(({ finish }) => finish !== "end_of_text"),
    canChange: quiet,
    canUndo: quiet && manuscript.past.length > 0,
    canRedo: quiet && manuscript.future.length > 0,
    canShare: quiet,
  };
}

/** What the page shows of each text. @param {State} state */
export function versionsOf({ manuscript }) {
  return manuscript.tips.map((place) => {
    const passage = manuscript.passages[place];
    const runs = path(manuscript, place).map((step) => manuscript.passages[step].made);
    return { place, passage, made: runs.findLast((made) => made !== null) ?? null, empty: isEmpty(passage) };
  });
}
