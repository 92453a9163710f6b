import assert from "node:assert/strict";
import { test } from "node:test";
import * as states from "../src/page/state.js";
import { SITE } from "./helpers.js";

const start = (versions = 1) => {
  const state = states.takeSite(states.initialState("zh"), SITE);
  return { ...state, phase: "ready", settings: { ...state.settings, versions } };
};
const run = (state, index = 0, id = 1) => ({ ...state, running: { index, id } });
const done = (id, text, newIds) => ({ id, text, finish: "length", snapshot: { window: [0, ...newIds], newIds } });

test("tokens grow the running version only, late ones of an old run are dropped", () => {
  let state = run(states.newVersions(start(2), "p", 5), 1);
  state = states.takeToken(state, { id: 1, text: "甲", count: 1, milliseconds: 500 });
  assert.equal(state.speed, 0); // the first token waited for the prompt
  state = states.takeToken(state, { id: 1, text: "乙", count: 1, milliseconds: 20 });
  state = states.takeToken(state, { id: 7, text: "丙", count: 1, milliseconds: 20 });
  assert.deepEqual(
    state.versions.map(({ text }) => text),
    ["", "甲乙"],
  );
  assert.equal(Math.round(state.speed), 50);
});

test("undo goes back through continuations and texts, never during a run", () => {
  const first = states.takeDone(run(states.newVersions(start(), "p", 5)), done(1, "甲", [1]));
  const more = states.takeDone(run(states.remember(first)), done(1, "甲乙", [1, 2]));
  assert.equal(states.undo(run(more)).versions[0].text, "甲乙");
  assert.equal(states.undo(more).versions[0].text, "甲");
  assert.deepEqual(states.undo(states.undo(more)).versions, []);
  assert.deepEqual(states.undo(states.undo(more)).history, []);
});

test("before the site is there nothing is set; then the settings are its model's", () => {
  const before = states.initialState("zh");
  assert.deepEqual([before.site, before.settings], [null, null]);
  const { settings } = states.takeSite(before, SITE);
  assert.deepEqual([settings.topK, settings.versions], [30, 2]);
});

test("versions are written one after the other, each run with an id of its own", () => {
  let state = states.startNext(states.newVersions(start(2), "p", 5));
  assert.deepEqual([state.running, state.queue], [{ index: 0, id: 1 }, [1]]);
  state = states.startNext(states.takeDone(state, done(1, "甲", [1])));
  assert.deepEqual([state.running, state.queue], [{ index: 1, id: 2 }, []]);
  state = states.takeDone(state, { ...done(2, "乙", [2]), finish: "end_of_text" });
  assert.equal(states.startNext(state), state);
  state = states.startNext(states.continueVersions(state, [0, 1]));
  assert.deepEqual([state.running, state.queue], [{ index: 0, id: 3 }, []]); // the other one has ended
});

test("a stop drops what waits", () => {
  const state = states.startNext(states.newVersions(start(3), "p", 5));
  assert.deepEqual(states.takeDone(state, { ...done(1, "甲", [1]), finish: "stopped" }).queue, []);
});

test("a run that its backend took down keeps its text as an opening, and nothing waits", () => {
  let state = states.startNext(states.newVersions(start(2), "p", 5));
  state = states.abandonRun(states.takeToken(state, { id: 1, text: "甲", count: 1, milliseconds: 5 }));
  const [{ prompt, text, finish, snapshot }] = state.versions;
  assert.deepEqual(
    { prompt, text, finish, snapshot },
    { prompt: "p甲", text: "", finish: "stopped", snapshot: null },
  );
  assert.deepEqual([state.running, state.queue], [null, []]);
});

test("what the buttons can do", () => {
  const idle = start();
  assert.deepEqual(states.abilities({ ...idle, phase: "idle" }).canLoad, true);
  assert.deepEqual(states.abilities(idle), {
    canLoad: false,
    canWrite: true,
    canStop: false,
    canContinue: false,
    canUndo: false,
  });
  const running = run(states.newVersions(idle, "p", 5));
  assert.ok(states.abilities(running).canStop && !states.abilities(running).canUndo);
});

test("a notice is shown once", () => {
  const twice = states.addNotice(states.addNotice(start(), "offline"), "offline");
  assert.equal(twice.notices.length, 1);
  assert.equal(states.dropNotice(twice, "offline").notices.length, 0);
});
