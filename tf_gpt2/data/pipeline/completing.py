"""The end of the pipeline: the index, without which nobody takes the folder for a prepared corpus."""

from collections.abc import Iterator, Sequence

import numpy as np

from tf_gpt2.data.pipeline.dividing import COUNTS_PART, MARKED_PART
from tf_gpt2.data.pipeline.finishing import layouts_of, whole_table
from tf_gpt2.data.pipeline.order import Order, Problem, Summed, first_problem
from tf_gpt2.data.summing_up import report_of
from tf_gpt2.data.text_table import TextTable
from tf_gpt2.data.token_files import INDEX_NAME, index_of, token_dtype

PROBLEM_PART = "problem"


def complete(results: Sequence[Summed | Problem], order: Order) -> Iterator[str]:
    """Writes the index of the files that are there, or what was wrong; yields what it wrote."""
    if (problem := first_problem(results)) is not None:
        order.write(PROBLEM_PART, problem.message.encode())
        yield PROBLEM_PART
        return
    sums = {result.name: result.sums for result in results if isinstance(result, Summed)}
    layouts, tokenizer = layouts_of(order), order.tokenizer()
    table = TextTable(whole_table(order), np.zeros(0, np.uint8))
    everything = np.frombuffer(order.read(COUNTS_PART), np.int64)
    report = report_of(table, tokenizer, layouts, int(order.read(MARKED_PART)), everything)
    order.put(INDEX_NAME, [index_of(report, token_dtype(tokenizer.vocab_size), layouts, sums)])
    yield INDEX_NAME
