/** Where a site has what tells copies of the training text. */

/** @param {string} bundle The bundle's folder. */
export const originalityBeside = (bundle) => new URL("../originality/", bundle).href;
