"""Clean text to windows of tokens: the token files of a corpus, made once and cached, and batches from them."""
