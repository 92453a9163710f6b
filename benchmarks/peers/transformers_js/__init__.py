"""transformers.js beside the page: a model for it, and a page that writes with it."""
