/** What a link brought: the text, where it is carried along, and one button that writes it. */

import { byId, setText, show } from "./dom.js";
import { fits, needsModel } from "./sharing.js";
import { megabytes, text } from "./strings.js";

export class SharedView {
  /** @param {import("./state.js").State} state */
  draw(state) {
    const { shared, language, site, phase, kept, wanted, replay } = state;
    show(byId("shared"), shared !== null);
    if (!shared) return;
    const other = fits(state) === "no";
    const opening = shared.steps.find(([kind]) => kind === "o")?.[1] ?? "";
    const carried = shared.texts.length > 0 || !needsModel(shared);
    setText(byId("shared-text"), shared.texts.length ? shared.texts.join("\n\n* * *\n\n") : String(opening));
    const size = site ? megabytes(site.bytes) : "";
    const note = other
      ? carried
        ? "sharedOtherModel"
        : "sharedOtherModelNoText"
      : !needsModel(shared)
        ? "sharedTextOnly"
        : carried
          ? "sharedNote"
          : "sharedOpeningOnly";
    setText(byId("shared-note"), text(language, note));
    const ready = phase === "ready" || kept;
    const label = other || !needsModel(shared) ? "sharedKeep" : ready ? "sharedWrite" : "sharedLoad";
    setText(byId("shared-take"), text(language, label, { size }));
    byId("shared-take").disabled = wanted !== "" || replay !== null || state.running !== null;
  }
}
