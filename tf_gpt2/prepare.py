"""Prepares a corpus for training elsewhere: cleaned, divided, tokenised, in one folder.

    python -m tf_gpt2.prepare --corpus=texts/ --output=gs://bucket/prepared

The last line of stdout is the folder's place; `train --corpus=PLACE` takes it. With --runner the machines of an
engine do the work that Apache Beam knows, and the files are the same, bit for bit.
"""

from collections.abc import Sequence

from tf_gpt2 import command, text_flags
from tf_gpt2.training.options import TrainingOptions


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _prepare)


def _flags() -> command.Flags:
    flags = command.Flags(
        "tf_gpt2.prepare", __doc__ or "", aliases={"source": "init_from", "tokenizer_kind": "tokenizer"}
    )
    flags.group("The usual flags")
    text_flags.declare_corpus(flags)
    flags.string(
        "output",
        None,
        "Folder or address that gets a folder with the prepared corpus. Default: the cache.",
        value="PLACE",
    )
    text_flags.declare_tokenizer(flags)
    flags.string(
        "init_from",
        None,
        "Model to be fine-tuned with this corpus, whose tokenizer is taken: as for train.",
        value="DIR",
    )
    flags.group("On the machines of an engine")
    flags.string(
        "runner",
        None,
        "Apache Beam's name of the engine: DirectRunner (this machine), FlinkRunner, SparkRunner, DataflowRunner. "
        "Its machines must reach --corpus and --output (docs/scaling.md). Default: without Beam, on this machine.",
        value="NAME",
    )
    flags.repeated(
        "runner_option",
        "A further option of Beam's, --runner_option=flink_master=HOST:8081 say; may be given several times.",
        value="NAME=VALUE",
    )
    text_flags.declare_reading(flags)
    return flags


def _prepare(flags: command.Values) -> int:
    asked = TrainingOptions(**flags.pick(*text_flags.NAMES))  # mistakes show before a text is read
    flags.need("runner_option", "runner", "it is for the engine")
    flags.need("runner", "output", "the place must be one that all of its machines reach")
    from tf_gpt2.corpus.report import format_report
    from tf_gpt2.data.elsewhere import prepare_at
    from tf_gpt2.tokenizer import Tokenizer

    place, prepared = prepare_at(
        flags.corpus,
        flags.output,
        runner=flags.runner,
        runner_options=flags.runner_option,
        tokenizer=Tokenizer.load(asked.init_from) if asked.init_from else None,
        **asked.preparation,
    )
    command.message(format_report(prepared.report))
    command.result(str(place))
    return 0


if __name__ == "__main__":
    command.run(main)
