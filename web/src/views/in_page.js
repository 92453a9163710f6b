/** What the page fetches when a visitor looks inside the model: the views, and the source that asks its worker. */

export { show } from "./main.js";
