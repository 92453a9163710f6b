"""The pipeline itself: what is done side by side, and the three places where everything comes together.

    chunks ─ lay out ─ read ─┬─ count ─┐
                             └─ DIVIDE ┴─┬─ cut ─ tokenise ─ PLACE ─┐
                                         └──────────────────────────┴─ assemble ─ COMPLETE

Texts and tokens go by the work folder; what Beam carries are their names and what is known of them.
"""

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from tf_gpt2.data.pipeline import completing, dividing, finishing, reading, tokenising
from tf_gpt2.data.pipeline.order import Order, Problem
from tf_gpt2.errors import UserError


class Step(beam.DoFn):
    """Does a step for each element that is no problem; a user's mistake is its result."""

    def __init__(self, work: Callable[..., Iterator[Any]], *known: Any):
        self._work, self._known = work, known

    def process(self, element: Any) -> Iterable[Any]:
        """What the step gives."""
        if isinstance(element, Problem):
            yield element
            return
        try:
            yield from self._work(element, *self._known)
        except UserError as error:
            yield Problem(getattr(element, "key", (0, 0)), str(error))


class Gathering(beam.DoFn):
    """Does a step once, for all elements together."""

    def __init__(self, work: Callable[..., Iterator[Any]], order: Order):
        self._work, self._order = work, order

    def process(self, element: Any, *known: Any) -> Iterable[Any]:
        """What the step gives."""
        try:
            yield from self._work(list(element[1]), self._order, *known)
        except UserError as error:
            yield Problem((0, 0), str(error))


class Adding(beam.CombineFn):
    """Adds occurrences of characters."""

    def create_accumulator(self) -> Any:
        return dividing.add_up([])

    def add_input(self, accumulator: Any, element: Any) -> Any:
        return dividing.add_up([accumulator, element])

    def merge_accumulators(self, accumulators: Iterable[Any]) -> Any:
        return dividing.add_up(accumulators)

    def extract_output(self, accumulator: Any) -> Any:
        return accumulator


def run(order: Order, chunks: Sequence[reading.Stored], runner: str, options: Sequence[str]) -> None:
    """Builds the pipeline and waits for its end.

    Args:
        order: What is asked for.
        chunks: Where the files of the corpus are named.
        runner: Beam's name of the engine.
        options: Beam's options, "name=value".

    Raises:
        UserError: An option is not as Beam wants it; engines raise whatever they like.
    """
    with beam.Pipeline(
        options=_parsed([f"--runner={runner}", *(f"--{o.removeprefix('--')}" for o in options)])
    ) as p:
        _build(p, order, chunks)


def _parsed(arguments: list[str]) -> PipelineOptions:
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options = PipelineOptions(arguments)
            options.get_all_options()
    except SystemExit:
        reason = (complaint.getvalue().splitlines() or ["it says no more"])[-1].partition("error: ")[2]
        raise UserError(
            f"`runner_option` must be an option as Beam has it; it says: {reason}. Correct it."
        ) from None
    return options


def _build(pipeline: Any, order: Order, chunks: Sequence[reading.Stored]) -> None:
    read = (
        pipeline
        | "files" >> beam.Create(chunks)
        | "spread files" >> beam.Reshuffle()
        | "lay out" >> beam.ParDo(Step(reading.readings_of, order))
        | "spread blocks" >> beam.Reshuffle()
        | "read" >> beam.ParDo(Step(reading.read, order))
    )
    counted = (
        read
        | "no problems" >> beam.Filter(_is_fine)
        | "characters" >> beam.ParDo(Step(reading.occurrences))
        | "count" >> beam.CombineGlobally(Adding())
    )
    texts = read | "all but characters" >> beam.ParDo(Step(reading.without_occurrences))
    divided = _gathered(texts, "divide", dividing.divide, order, beam.pvalue.AsSingleton(counted))
    made = (
        divided
        | "texts to tokenise" >> beam.Filter(_is, tokenising.Chapter, Problem)
        | "spread texts" >> beam.Reshuffle()
        | "cut" >> beam.ParDo(Step(tokenising.batches_of, order))
        | "spread batches" >> beam.Reshuffle()
        | "tokenise" >> beam.ParDo(Step(tokenising.tokenise, order))
    )
    placed = _gathered(made, "place", finishing.place, order)
    both = (divided, placed) | "both" >> beam.Flatten()
    assembled = (
        both
        | "to be put together" >> beam.Filter(_is, finishing.Assembly)
        | "spread shards" >> beam.Reshuffle()
        | "assemble" >> beam.ParDo(Step(finishing.assemble, order))
    )
    done = both | "done" >> beam.Filter(_is_done)
    _gathered((assembled, done) | "everything" >> beam.Flatten(), "complete", completing.complete, order)


def _gathered(elements: Any, name: str, work: Callable[..., Iterator[Any]], order: Order, *known: Any) -> Any:
    return (
        elements
        | f"to {name}" >> beam.Map(_with_one_key)
        | f"gather to {name}" >> beam.GroupByKey()
        | name >> beam.ParDo(Gathering(work, order), *known)
    )


def _with_one_key(element: Any) -> tuple[int, Any]:
    return 0, element


def _is(element: Any, *kinds: type) -> bool:
    return isinstance(element, kinds)


def _is_fine(element: Any) -> bool:
    return not isinstance(element, Problem)


def _is_done(element: Any) -> bool:
    return not isinstance(element, (tokenising.Chapter, finishing.Assembly))
