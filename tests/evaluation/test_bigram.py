"""The bigram baseline."""

import numpy as np
import pytest

from tf_gpt2.data.token_files import TokenStream
from tf_gpt2.evaluation.bigram import Bigram


def bigram_cross_entropy(train, validation, vocab_size):
    return Bigram(TokenStream(train), vocab_size).cross_entropy(TokenStream(validation))


def test_a_markov_chain_is_predicted_near_its_entropy():
    generator = np.random.default_rng(0)
    transition = generator.dirichlet(np.full(8, 0.3), size=8)
    tokens = [0]
    for draw in generator.random(60_000):
        tokens.append(min(7, int(np.searchsorted(np.cumsum(transition[tokens[-1]]), draw))))
    tokens = np.array(tokens, np.uint16)
    validation = tokens[50_000:]
    truth = -np.log(transition[validation[:-1], validation[1:]]).mean()
    assert truth < bigram_cross_entropy(tokens[:50_000], validation, 8) < truth + 0.01


def test_independent_tokens_cost_their_unigram_entropy():
    tokens = np.random.default_rng(1).integers(0, 500, 20_000).astype(np.uint16)
    assert bigram_cross_entropy(tokens[:15_000], tokens[15_000:], 500) == pytest.approx(np.log(500), abs=0.1)


def test_unseen_tokens_cost_something_finite():
    loss = bigram_cross_entropy(np.zeros(1000, np.uint16), np.array([5, 6, 7], np.uint16), 100)
    assert np.log(100) < loss < 40


def test_pair_ids_do_not_overflow_the_token_type():
    # 65,535 * 65,536 needs all of 32 bits, and the tokens have 16.
    tokens = np.tile(np.array([65_535, 65_534], np.uint16), 500)
    assert bigram_cross_entropy(tokens, tokens[:100], 65_536) < 0.1


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="needs 20 targets"):
        bigram_cross_entropy(np.zeros(5, np.uint16), np.zeros(5, np.uint16), 2)
    with pytest.raises(ValueError, match="vocab_size"):
        bigram_cross_entropy(np.full(50, 9, np.uint16), np.zeros(5, np.uint16), 9)
    with pytest.raises(ValueError, match="vocab_size"):
        bigram_cross_entropy(np.zeros(50, np.uint16), np.full(5, 9, np.uint16), 9)
    with pytest.raises(ValueError, match="a target"):
        bigram_cross_entropy(np.zeros(50, np.uint16), np.zeros(1, np.uint16), 2)


def test_what_comes_after_a_cut_is_neither_learned_nor_predicted():
    tokens = np.tile(np.array([1, 2, 3, 4], np.uint16), 500)
    spoiled = np.concatenate([tokens, np.array([9], np.uint16), tokens])
    stream = TokenStream(spoiled, np.array([0, 2000, 2001]))
    assert Bigram(stream, 10).cross_entropy(TokenStream(tokens)) == pytest.approx(
        bigram_cross_entropy(np.concatenate([tokens, tokens]), tokens, 10), abs=1e-5
    )
    assert Bigram(TokenStream(tokens), 10).cross_entropy(stream) == pytest.approx(
        bigram_cross_entropy(tokens, tokens, 10), abs=1e-5
    )
