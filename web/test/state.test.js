import assert from "node:assert/strict";
import { test } from "node:test";
import { abilities, versionsOf } from "../src/page/abilities.js";
import { wholeText } from "../src/page/manuscript/tree.js";
import * as states from "../src/page/state.js";
import { SITE } from "./helpers.js";

const start = (versions = 1) => {
  const state = states.takeSite(states.initialState("zh"), SITE);
  return { ...state, phase: "ready", settings: { ...state.settings, versions } };
};
const done = (id, text, newIds) => ({ id, text, finish: "length", snapshot: { window: [0, ...newIds], newIds } });
const token = (id, text, milliseconds) => ({ id, text, count: 1, milliseconds });
const shown = ({ manuscript }) => manuscript.tips.map((tip) => wholeText(manuscript, tip));

test("tokens grow the running text only, late ones of an old run are dropped", () => {
  let state = states.startNext(states.newVersions(start(2), "p", 5));
  state = states.takeToken(state, token(1, "甲", 500));
  assert.equal(state.speed, 0); // the first token waited for the prompt
  state = states.takeToken(state, token(1, "乙", 20));
  state = states.takeToken(state, token(7, "丙", 20));
  assert.deepEqual(shown(state), ["p甲乙", "p"]);
  assert.equal(Math.round(state.speed), 50);
});

test("undo goes back through continuations and texts, redo forward, neither during a run", () => {
  let state = states.takeDone(states.startNext(states.newVersions(start(), "p", 5)), done(1, "甲", [1]));
  state = states.startNext(states.continueVersions(state, [0], 6));
  assert.equal(states.undo(state), state);
  state = states.takeDone(state, done(2, "甲乙", [1, 2]));
  assert.deepEqual(shown(state), ["p甲乙"]);
  assert.deepEqual(shown(states.undo(state)), ["p甲"]);
  assert.deepEqual(shown(states.undo(states.undo(state))), []);
  assert.deepEqual(shown(states.redo(states.redo(states.undo(states.undo(state))))), ["p甲乙"]);
});

test("what was said of a text does not stay when the visitor changes it", () => {
  const written = states.takeDone(states.startNext(states.newVersions(start(), "p", 5)), done(1, "甲", [1]));
  assert.equal(written.message, "finished");
  const edited = states.editVersion(written, 0, "p甲。");
  assert.deepEqual([shown(edited), edited.message], [["p甲。"], ""]);
  assert.equal(states.editVersion(written, 0, "p甲"), written);
});

test("before the site is there nothing is set; then the settings are its model's", () => {
  const before = states.initialState("zh");
  assert.deepEqual([before.site, before.settings], [null, null]);
  const { settings } = states.takeSite(before, SITE);
  assert.deepEqual([settings.topK, settings.versions], [30, 2]);
});

test("versions are written one after the other, each run with an id of its own", () => {
  let state = states.startNext(states.newVersions(start(2), "p", 5));
  assert.deepEqual([state.running, state.queue], [{ place: 1, id: 1 }, [2]]);
  state = states.startNext(states.takeDone(state, done(1, "甲", [1])));
  assert.deepEqual([state.running, state.queue], [{ place: 2, id: 2 }, []]);
  state = states.takeDone(state, { ...done(2, "乙", [2]), finish: "end_of_text" });
  assert.equal(states.startNext(state), state);
  state = states.startNext(states.continueVersions(state, [0, 1], 6));
  assert.deepEqual([state.running, state.queue], [{ place: 3, id: 3 }, []]); // the other one has ended
});

test("a stop drops what waits", () => {
  const state = states.startNext(states.newVersions(start(3), "p", 5));
  assert.deepEqual(states.takeDone(state, { ...done(1, "甲", [1]), finish: "stopped" }).queue, []);
});

test("a run that its backend took down keeps its text, and nothing waits", () => {
  let state = states.startNext(states.newVersions(start(2), "p", 5));
  state = states.abandonRun(states.takeToken(state, token(1, "甲", 5)));
  const [{ passage, made }] = versionsOf(state);
  assert.deepEqual([passage.text, passage.finish, passage.snapshot, made.seed], ["甲", "stopped", null, 5]);
  assert.deepEqual([state.running, state.queue], [null, []]);
});

test("what the buttons can do", () => {
  const able = abilities(start());
  assert.ok(able.canWrite && able.canShare && !able.canStop && !able.canContinue && !able.canUndo && !able.canRedo);
  assert.ok(abilities({ ...start(), phase: "idle" }).canLoad);
  assert.ok(abilities({ ...start(), phase: "idle" }).canWrite); // one press downloads and writes
  const wanted = abilities({ ...start(), phase: "loading", wanted: "write" });
  assert.ok(wanted.canStop && !wanted.canWrite);
  const running = states.startNext(states.newVersions(start(), "p", 5));
  assert.ok(abilities(running).canStop && !abilities(running).canUndo && !abilities(running).canChange);
  assert.ok(!abilities(states.initialState("zh")).canWrite);
});

test("a notice is shown once; troubles go when loading begins again, what is still true stays", () => {
  const twice = states.addNotice(states.addNotice(start(), "offline"), "offline");
  assert.equal(twice.notices.length, 1);
  assert.equal(states.dropNotice(twice, "offline").notices.length, 0);
  const both = states.addNotice(twice, "link_damaged", {}, "hint");
  assert.deepEqual(
    states.dropTroubles(both).notices.map(({ code }) => code),
    ["link_damaged"],
  );
});
