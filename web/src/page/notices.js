/** The sentences that stand beside the buttons until they are put aside. */

/** @typedef {import("./state.js").State} State */

/**
 * @param {State} state
 * @param {string} code
 * @param {Record<string, string | number>} [values]
 * @param {import("./state.js").Notice["kind"]} [kind]
 * @returns {State}
 */
export function addNotice(state, code, values = {}, kind = "trouble") {
  const others = state.notices.filter((notice) => notice.code !== code);
  return { ...state, notices: [...others, { code, values, kind }] };
}

/** @param {State} state @param {string} code */
export function dropNotice(state, code) {
  return { ...state, notices: state.notices.filter((notice) => notice.code !== code) };
}

/** Troubles of loading are over, or about to be; what a visitor still has to know stays. @param {State} state */
export function dropTroubles(state) {
  return { ...state, notices: state.notices.filter(({ kind }) => kind !== "trouble") };
}
