import assert from "node:assert/strict";
import { test } from "node:test";
import { versionsOf } from "../src/page/abilities.js";
import * as changes from "../src/page/manuscript/changes.js";
import { wrongManuscript } from "../src/page/manuscript/check.js";
import * as tree from "../src/page/manuscript/tree.js";
import * as states from "../src/page/state.js";
import { SITE } from "./helpers.js";
import { answer, press, random, reachable, writeAll } from "./visitor.js";

export const start = (settings = {}) => {
  const state = states.takeSite(states.initialState("zh"), SITE);
  const ready = { model: "one" };
  return {
    ...state,
    phase: "ready",
    ready,
    settings: { ...state.settings, versions: 1, maxNewTokens: 5, ...settings },
  };
};
const shown = ({ manuscript }) => manuscript.tips.map((tip) => tree.wholeText(manuscript, tip));

test("200 random sequences of presses end in a consistent manuscript, and no text is lost", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const chance = random(seed);
    let state = start();
    const seen = new Set();
    for (let step = 0; step < 25; step++) {
      const before = state;
      state = press(state, chance);
      assert.equal(wrongManuscript(state.manuscript), "", `seed ${seed}, step ${step}`);
      assert.deepEqual([state.running, state.queue], [null, []]);
      const typing = state.manuscript.passages.length === before.manuscript.passages.length;
      if (typing) for (const text of shown(before)) if (!reachable(state).has(text)) seen.delete(text); // amended
      for (const text of shown(state)) seen.add(text);
      for (const text of seen) assert.ok(reachable(state).has(text), `seed ${seed}, step ${step}: ${text} is lost`);
      for (const tip of state.manuscript.tips) {
        const pieces = tree.segments(state.manuscript, tip).map(({ text }) => text);
        assert.equal(pieces.join(""), tree.wholeText(state.manuscript, tip));
      }
      if (state.manuscript.past.length)
        assert.deepEqual(states.redo(states.undo(state)).manuscript, state.manuscript);
    }
  }
});

test("a column that undo took away before its button went is not continued", () => {
  const two = writeAll(states.newVersions(start({ versions: 2 }), "却说", 3));
  const one = states.continueVersions(two, [0, 5], 9);
  assert.deepEqual(one.queue, states.continueVersions(two, [0], 9).queue);
  const none = states.continueVersions(two, [5], 9);
  assert.deepEqual([none.queue, none.manuscript.tips], [[], two.manuscript.tips]);
});

test("a text continued is the text written at once", () => {
  const whole = writeAll(states.newVersions(start({ maxNewTokens: 12 }), "却说", 7));
  let parts = writeAll(states.newVersions(start({ maxNewTokens: 4 }), "却说", 7));
  for (let i = 0; i < 2; i++) parts = writeAll(states.continueVersions(parts, [0], 99));
  assert.deepEqual(shown(parts), shown(whole));
  assert.deepEqual(
    parts.manuscript.passages.map(({ length }) => length),
    [0, 4, 8, 12],
  );
});

test("with another model, or after an edit, the text itself is what goes on", () => {
  const first = writeAll(states.newVersions(start(), "却说", 7));
  const other = states.continueVersions({ ...first, ready: { model: "two" } }, [0], 9);
  assert.equal(states.runMessage(states.startNext(other)).resume, null);
  const edited = states.editVersion(first, 0, `${shown(first)[0]}。`);
  const message = states.runMessage(states.startNext(states.continueVersions(edited, [0], 9)));
  assert.deepEqual([message.prompt, message.resume, message.settings.seed], [shown(edited)[0], null, 9]);
});

test("settings changed after writing leave what was written with others as it was", () => {
  const first = writeAll(states.newVersions(start({ temperature: 0.5 }), "却说", 7));
  const changed = { ...first, settings: { ...first.settings, temperature: 1.5 } };
  const [, one, two] = writeAll(states.continueVersions(changed, [0], 9)).manuscript.passages;
  assert.deepEqual([one.made.temperature, two.made.temperature], [0.5, 1.5]);
});

test("an edit is the least change, never half a character, and keeps who wrote what", () => {
  const first = writeAll(states.newVersions(start(), "甲🐉乙", 7));
  const [written] = shown(first);
  const edited = states.editVersion(first, 0, written.replace("🐉", "🐊"));
  const { at, removed, text } = edited.manuscript.passages.at(-1);
  assert.deepEqual([at, removed, text], [1, 2, "🐊"]);
  const [person, model] = tree.segments(edited.manuscript, edited.manuscript.tips[0]);
  assert.deepEqual([person.text, person.by, model.by], ["甲🐊乙", "person", "model"]);
  assert.equal(edited.manuscript.draft, "甲🐊乙"); // opening and text do not drift apart
});

test("typing is one edit, until something else was done", () => {
  const first = writeAll(states.newVersions(start(), "却说", 7));
  let typed = states.editVersion(first, 0, "a");
  typed = states.editVersion(typed, 0, "ab", true);
  assert.equal(typed.manuscript.passages.length, first.manuscript.passages.length + 1);
  assert.deepEqual(shown(states.undo(typed)), shown(first));
  assert.deepEqual(shown(states.redo(states.undo(typed))), ["ab"]);
  // Once undo or redo may come back to it, it is not changed any more.
  const back = states.choose(states.choose(typed, first.manuscript.tips), typed.manuscript.tips);
  const later = states.editVersion(back, 0, "abc", true);
  assert.deepEqual(shown(states.undo(later)), ["ab"]);
});

test("a draft that someone typed stays when other texts show", () => {
  const first = writeAll(states.newVersions(start(), "却说", 7));
  const typed = { ...first, manuscript: { ...first.manuscript, draft: "另起" } };
  assert.equal(states.undo(typed).manuscript.draft, "另起");
  const two = writeAll(states.newVersions(first, "次日", 7));
  assert.equal(states.undo(two).manuscript.draft, "却说");
});

test("alternatives are siblings, each with a seed of its own", () => {
  const first = writeAll(states.continueVersions(writeAll(states.newVersions(start(), "却说", 7)), [0], 8));
  const both = writeAll(states.branchVersion(first, 0, 9));
  const { manuscript } = both;
  assert.equal(manuscript.tips.length, 2);
  assert.deepEqual(tree.siblings(manuscript, manuscript.tips[0]), manuscript.tips);
  const [a, b] = manuscript.tips.map((tip) => manuscript.passages[tip].made);
  assert.deepEqual([a.seed, b.seed, b.resumed], [7, 9, true]);
});

test("a stop shows what stands, and what waited can be written later", () => {
  const stopped = writeAll(states.newVersions(start({ versions: 3 }), "却说", 7), { stopAfter: 2 });
  assert.deepEqual(
    versionsOf(stopped).map(({ empty }) => empty),
    [false, true, true],
  );
  const all = writeAll(states.newVersions(start({ versions: 3 }), "却说", 7));
  const later = writeAll(states.continueVersions(stopped, [1, 2], 8));
  assert.deepEqual(shown(later).slice(1), shown(all).slice(1));
  const more = writeAll(states.continueVersions(all, [0, 1, 2], 8), { stopAfter: 2 });
  assert.ok(versionsOf(more).every(({ empty }) => !empty));
});

test("a run that was broken off keeps its text, and what follows starts from it", () => {
  const broken = writeAll(states.newVersions(start(), "却说", 7), { stopAfter: 3, breakOff: true });
  const [, passage] = broken.manuscript.passages;
  assert.deepEqual([passage.length, passage.snapshot, passage.finish], [3, null, "stopped"]);
  const message = states.runMessage(states.startNext(states.continueVersions(broken, [0], 9)));
  assert.equal(message.prompt, shown(broken)[0]);
  assert.equal(answer(message).tokens.length, 5);
});

test("what is no manuscript is found out", () => {
  const { manuscript } = writeAll(states.newVersions(start(), "却说", 7));
  assert.equal(wrongManuscript(manuscript), "");
  const spoil = (change) => {
    const copy = structuredClone(manuscript);
    change(copy);
    return wrongManuscript(copy);
  };
  assert.equal(wrongManuscript(null), "id");
  assert.equal(
    spoil((m) => m.tips.push(9)),
    "tips",
  );
  assert.equal(
    spoil((m) => m.past.push([-1])),
    "past",
  );
  assert.match(
    spoil((m) => Object.assign(m.passages[1], { parent: 1 })),
    /parent/,
  );
  assert.match(
    spoil((m) => Object.assign(m.passages[1], { at: 99 })),
    /at/,
  );
  assert.match(
    spoil((m) => Object.assign(m.passages[1].made, { seed: "7" })),
    /seed/,
  );
});

test("choosing the same texts again is no step", () => {
  const { manuscript } = writeAll(states.newVersions(start(), "却说", 7));
  assert.equal(changes.select(manuscript, manuscript.tips), manuscript);
});
