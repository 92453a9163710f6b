"""A corpus prepared for other machines: in a folder or at an address, by this machine or by an engine's."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tf_gpt2.corpus.reading import shown
from tf_gpt2.data.opening import open_prepared
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.request import settings_of
from tf_gpt2.data.token_files import INDEX_NAME, PreparedCorpus
from tf_gpt2.errors import UserError
from tf_gpt2.locations import AnyPath, inside, is_address, located, pieces, writing
from tf_gpt2.tokenizer import Tokenizer

_log = logging.getLogger(__name__)


def prepare_at(
    corpus: str | os.PathLike | Sequence[str | os.PathLike] | None,
    output: str | os.PathLike | None,
    *,
    runner: str | None = None,
    runner_options: Sequence[str] = (),
    tokenizer: Tokenizer | None = None,
    cache_dir: str | os.PathLike | None = None,
    **settings: Any,
) -> tuple[AnyPath, PreparedCorpus]:
    """Prepares a corpus, or finds it prepared.

    Args:
        corpus: As for `prepare_corpus`.
        output: The folder or address that gets a folder with it; None for the cache.
        runner: Beam's name of the engine that does it; None does it here.
        runner_options: Further options of Beam's, "name=value".
        tokenizer: A tokenizer to use as it is.
        cache_dir: Where prepared corpora are kept; None for the usual place.
        **settings: All those of `settings_of`.

    Returns:
        The place that `prepare_corpus` and a training take as `corpus`, and what lies there.

    Raises:
        UserError: As `prepare_corpus` and `prepare_by_pipeline`; or the address cannot be written.
    """
    if runner is not None:
        from tf_gpt2.data.pipeline.launching import prepare_by_pipeline

        if output is None:
            raise UserError("`runner` needs `output`, a place that all of its machines reach; name one.")
        place = prepare_by_pipeline(
            corpus,
            output,
            settings_of(**settings),
            runner=runner,
            runner_options=runner_options,
            tokenizer=tokenizer,
            cache_dir=cache_dir,
        )
        return place, open_prepared(place, cache_dir)
    remote = output is not None and is_address(output)
    prepared = prepare_corpus(
        corpus, tokenizer=tokenizer, cache_dir=cache_dir, output=None if remote else output, **settings
    )
    if not remote:
        return prepared.folder, prepared
    place = inside(located(str(output)), prepared.folder.name)
    _copy(prepared.folder, place)
    return place, prepared


def _copy(folder: Path, place: AnyPath) -> None:
    """Copies a prepared corpus to an address, the index last."""
    for path in sorted(folder.iterdir(), key=lambda path: (path.name == INDEX_NAME, path.name)):
        _log.info("copying %s to %s", path.name, shown(place))
        try:
            with writing(inside(place, path.name)) as file:
                for piece in pieces(path):
                    file.write(piece)
        except OSError as error:
            raise UserError(
                f"`output` must be an address that can be written: {shown(place)} cannot ("
                f"{error.strerror or error}). Check the address and your rights."
            ) from None
