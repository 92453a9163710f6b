"""Starts the pipeline, on whatever engine Beam knows, and says how it went."""

import importlib.util
import logging
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from tf_gpt2.corpus.reading import shown
from tf_gpt2.data.joining import empty
from tf_gpt2.data.opening import open_prepared, prepared_place
from tf_gpt2.data.pipeline.order import Order, files_of
from tf_gpt2.data.pipeline.reading import Stored, chunks_of, store
from tf_gpt2.data.request import Settings, cache_key, sources_of
from tf_gpt2.data.sources import Source
from tf_gpt2.data.token_files import INDEX_NAME
from tf_gpt2.errors import UserError, shorten
from tf_gpt2.locations import AnyPath, facts, inside, located, remove
from tf_gpt2.tokenizer import Tokenizer

_log = logging.getLogger(__name__)
_WORK = ".pipeline-"


def prepare_by_pipeline(
    corpus: str | os.PathLike | Sequence[str | os.PathLike] | None,
    output: str | os.PathLike,
    settings: Settings,
    *,
    runner: str,
    runner_options: Sequence[str] = (),
    tokenizer: Tokenizer | None = None,
    cache_dir: str | os.PathLike | None = None,
) -> AnyPath:
    """Prepares a corpus on the machines of an engine: the files are those of `prepare_corpus`, bit for bit.

    Args:
        corpus: As for `prepare_corpus`, in places that all machines reach.
        output: The folder or address to which the prepared corpus comes, under its name; all machines reach it.
        settings: What else decides the result.
        runner: Beam's name of the engine: DirectRunner, FlinkRunner, SparkRunner, DataflowRunner.
        runner_options: Further options of Beam's, "name=value".
        tokenizer: A tokenizer to use as it is.
        cache_dir: Where the sample corpus is kept.

    Returns:
        The folder of the prepared corpus.

    Raises:
        UserError: Beam is not there, knows no such runner, or the pipeline fails; and as for `prepare_corpus`.
    """
    _demand_beam()
    if (place := prepared_place(corpus)) is not None:
        raise UserError(f"`corpus` must name texts: {shown(place)} is prepared already. Train with it as it is.")
    sources = [_absolute(source) for source in sources_of(corpus, settings, cache_dir)]
    key = cache_key(sources, settings, tokenizer)
    folder = _folder(output)
    target = inside(located(folder), key)
    if _is_whole(target, cache_dir):
        _log.info("%s is prepared already", shown(target))
        return target
    remove(inside(target, INDEX_NAME))
    work = str(inside(located(folder), f"{_WORK}{key}-{secrets.token_hex(4)}"))
    given = None if tokenizer is None else files_of(tokenizer)
    order = Order(settings, work, str(target), given, empty(sources))
    try:
        _run(order, store(chunks_of(sources, settings.separator), order), runner, runner_options)
        _check(order, target, runner)
    except UserError:
        remove(target)
        raise
    finally:
        remove(located(work))
    return target


def _demand_beam() -> None:
    if importlib.util.find_spec("apache_beam") is None:
        raise UserError(
            "`runner` needs Apache Beam, which is not installed here. In a checkout: make beam, then "
            ".venv-beam/bin/python -m tf_gpt2.prepare; elsewhere, in an environment of its own: pip install "
            "'tf-gpt2[beam]'."
        )


def _absolute(source: Source) -> Source:
    """A source whose path workers understand, wherever they were started."""
    path = source.path
    return source._replace(path=path.absolute()) if isinstance(path, Path) else source


def _folder(output: str | os.PathLike) -> str:
    place = located(str(output).rstrip("/") or "/")
    return str(place.expanduser().absolute()) if isinstance(place, Path) else str(place)


def _is_whole(target: AnyPath, cache_dir: str | os.PathLike | None) -> bool:
    try:
        facts(inside(target, INDEX_NAME))
        open_prepared(target, cache_dir)
    except (OSError, UserError):
        return False
    return True


def _run(order: Order, chunks: Sequence[Stored], runner: str, options: Sequence[str]) -> None:
    from tf_gpt2.data.pipeline import graph

    try:
        graph.run(order, chunks, runner, options)
    except UserError:
        raise
    except Exception as error:
        # Engines have errors of all kinds, with whole traces in them; the log has them.
        _log.debug("the pipeline failed", exc_info=True)
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise UserError(
            shorten(f"`runner`={runner} must carry the pipeline out: it failed ({lines[-1]}). See its log.")
        ) from error


def _check(order: Order, target: AnyPath, runner: str) -> None:
    """Says what was wrong with the corpus, where something was."""
    from tf_gpt2.data.pipeline.completing import PROBLEM_PART

    try:
        message = order.read(PROBLEM_PART).decode()
    except OSError:
        message = None
    if message is not None:
        raise UserError(message)
    try:
        facts(inside(target, INDEX_NAME))
    except OSError:
        raise UserError(
            f"`runner`={runner} must leave a prepared corpus in {shown(target)}: there is none. Do all of its "
            "machines reach that place? See its log."
        ) from None
