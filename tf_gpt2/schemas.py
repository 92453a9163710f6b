"""What the files of a run directory hold, each file described once.

Importing this imports pydantic, which takes a fifth of a second: `run_directory` does so when a file is read.
Unknown fields are kept, for files of newer versions. A field that may be missing is None then; null in the file is
damage.
"""

from typing import Annotated, Any, Literal, TypeVar

import pydantic
from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StrictStr

T = TypeVar("T")


def _not_null(value: Any) -> Any:
    if value is None:
        raise ValueError("must not be null")
    return value


Absent = Annotated[T | None, BeforeValidator(_not_null)]  # None is for the default alone
# The largest integer that every reader of JSON tells from its neighbours; it fits NumPy's and TensorFlow's int64.
MAX_INTEGER = 2**53 - 1
Count = Annotated[StrictInt, Field(ge=0, le=MAX_INTEGER)]
Positive = Annotated[StrictInt, Field(ge=1, le=MAX_INTEGER)]


class Schema(pydantic.BaseModel):
    """A JSON object: types are exact, numbers finite."""

    model_config = pydantic.ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)


class ModelSection(Schema):
    """Section `model` of training.json: the fields of GPT2Config."""

    vocabulary_size: Absent[Count] = None
    context_length: Absent[Count] = None
    num_layers: Absent[Count] = None
    num_heads: Absent[Count] = None
    hidden_dim: Absent[Count] = None
    intermediate_dim: Absent[Count] = None
    dropout: Absent[float] = None
    layer_norm_epsilon: Absent[float] = None
    tie_embeddings: Absent[StrictBool] = None


class FormerSchedule(Schema):
    """The fields of Schedule, of a run's length before it was changed."""

    steps: Positive
    learning_rate: float
    warmup_steps: Count
    final_learning_rate_share: Absent[float] = None
    changed_at: Absent[Count] = None
    changed_from: Absent[float] = None
    former: "FormerSchedule | None" = None


class TrainingSection(Schema):
    """Section `training`: the fields of Schedule and Recipe."""

    steps: Absent[Positive] = None
    minutes: Absent[Annotated[float, Field(ge=0)]] = None  # what the steps were planned from; 0: not by the clock
    changed_at: Absent[Count] = None
    changed_from: Absent[float] = None
    former: FormerSchedule | None = None  # null for a length that never changed
    batch_size: Absent[Positive] = None
    accumulation_steps: Absent[Positive] = None
    optimizer: Absent[StrictStr] = None
    learning_rate: Absent[float] = None
    warmup_steps: Absent[Count] = None
    final_learning_rate_share: Absent[float] = None
    weight_decay: Absent[float] = None
    embedding_rate: Absent[float] = None
    embedding_decay: Absent[float] = None
    average_width: Absent[Annotated[float, Field(ge=0)]] = None
    multi_token_share: Absent[Annotated[float, Field(ge=0)]] = None
    clip_norm: Absent[float] = None
    seed: Absent[StrictInt] = None
    frozen_layers: Absent[Count] = None
    freeze_embeddings: Absent[StrictBool] = None


class CorpusSection(Schema):
    """Section `corpus`: the prepared corpus by its name in the cache, titles of its books, tokens."""

    prepared: Absent[Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{32}$")]] = None
    books: Absent[list[StrictStr]] = None
    train_tokens: Absent[Count] = None
    validation_tokens: Absent[Count] = None
    test_tokens: Absent[Count] = None


class InitFromSection(Schema):
    """Section `init_from`: what the run fine-tunes."""

    folder: StrictStr | None = None  # null stands for random weights


class DistillationSection(Schema):
    """Section `distillation`: digests of the teachers, and what they count beside the text."""

    teachers: Absent[list[StrictStr]] = None
    share: Absent[float] = None


class EnvironmentSection(Schema):
    """Section `environment`: what computes, which changes the speed of a run and the last digits of its figures."""

    tensorflow: Absent[StrictStr] = None
    xla_flags: Absent[StrictStr] = None
    device: Absent[StrictStr] = None
    precision: Absent[StrictStr] = None
    remat: Absent[StrictStr] = None
    parts: Absent[StrictStr] = None


class Training(Schema):
    """training.json: the resolved configuration of a run."""

    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    corpus: CorpusSection = CorpusSection()
    init_from: InitFromSection = InitFromSection()
    distillation: DistillationSection = DistillationSection()
    environment: EnvironmentSection = EnvironmentSection()


class MetricsLine(Schema):
    """A line of metrics.jsonl; `loss` in nats per token.

    `split` is "train", "validation" or "test". "rollback" says that the steps from this one on are taken with other
    text, "early_end" that the training ended here.
    """

    __pydantic_extra__: dict[str, float]
    step: Count
    split: StrictStr
    loss: float


class CheckpointState(Schema):
    """What the loop remembers beside the variables, and more; before the first validation the loss is inf.

    The fields are those of `training.state.LoopState`.
    """

    __pydantic_extra__: dict[str, Any]
    step: Count = 0
    best_validation_loss: Annotated[float, Field(allow_inf_nan=True)] = float("inf")
    best_step: Count = 0
    unlogged_loss: float = 0.0
    unlogged_steps: Count = 0
    without_better: Count = 0
    copied_share: float = 0.0
    recent_losses: Annotated[list[float], Field(max_length=1000)] = []
    high_losses: Count = 0
    skipped_batches: Count = 0
    rollbacks: Count = 0
    tries: Count = 0
    trouble_step: Count = 0
    averaged_steps: Count = 0
    best_is_average: StrictBool = False
    owed: list[Literal["eval", "sample"]] = []

    @pydantic.field_validator("best_validation_loss")
    @classmethod
    def _is_a_number(cls, value: float) -> float:
        if value != value:
            raise ValueError("must be a number")
        return value


class CheckpointConfig(Schema):
    """The fields of GPT2Config in a checkpoint, none of them missing."""

    model_config = pydantic.ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)

    vocabulary_size: Count
    context_length: Count
    num_layers: Count
    num_heads: Count
    hidden_dim: Count
    intermediate_dim: Count
    dropout: float
    layer_norm_epsilon: float
    tie_embeddings: StrictBool


class CheckpointModel(Schema):
    """What makes a checkpoint enough for a model: its shape, and keys of its tensors by Hugging Face name."""

    config: CheckpointConfig
    weights: dict[StrictStr, StrictStr]


class GenerationConfig(Schema):
    """Of generation_config.json, Hugging Face's file, the fields that are used here; others are left out."""

    model_config = pydantic.ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)

    bos_token_id: Absent[Count] = None
    eos_token_id: Absent[Count | list[Count]] = None
    pad_token_id: Absent[Count] = None
    do_sample: Absent[StrictBool] = None
    temperature: Absent[Annotated[float, Field(ge=0)]] = None
    top_k: Absent[Count] = None
    top_p: Absent[Annotated[float, Field(gt=0, le=1)]] = None
    repetition_penalty: Absent[Annotated[float, Field(gt=0)]] = None
    no_repeat_ngram_size: Absent[Count] = None
    min_new_tokens: Absent[Count] = None
    max_new_tokens: Absent[Positive] = None


class StreamSection(Schema):
    """The tokens of a split of a prepared corpus, and which of them are no targets."""

    tokens: Count
    unpredicted: list[Count]


class StreamsSection(Schema):
    """Section `streams` of index.json."""

    train: StreamSection
    validation: StreamSection
    test: StreamSection


class FileSection(Schema):
    """A file of a prepared corpus: its size and checksum."""

    bytes: Count
    crc32: Count


class ReportSection(Schema):
    """Section `report` of index.json: the fields of CorpusReport, but for its books, which have a file."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    characters: Count
    validation_characters: Count
    test_characters: Count
    distinct_characters: Count
    rare_characters: Count
    uncovered_characters: Count
    vocabulary_share: float
    vocabulary_size: Count
    tokenizer_kind: StrictStr
    train_tokens: Count
    validation_tokens: Count
    test_tokens: Count
    marked_lines: Count


class PreparedIndex(Schema):
    """index.json of a prepared corpus: version, type of the tokens, how many a shard has, sums of its files."""

    version: StrictInt
    dtype: Literal["<u2", "<u4"]
    shard_tokens: Positive
    streams: StreamsSection
    files: dict[StrictStr, FileSection]
    report: ReportSection


class CopiesIndex(Schema):
    """index.json of the index in which copies of a corpus are found."""

    titles: list[StrictStr]
    starts: Annotated[list[Count], Field(min_length=1)]
    characters: Count
    alphabetic: StrictBool
    words: list[StrictStr]

    @pydantic.model_validator(mode="after")
    def _belongs_together(self) -> "CopiesIndex":
        if len(self.starts) != len(self.titles) + 1 or self.starts != sorted(self.starts):
            raise ValueError("must have the first byte of every title's text, and the end of the last")
        return self


class AnswersIndex(Schema):
    """index.json of what teachers answered on a training text: of which, and the checksums of the files."""

    of: dict[str, Any]
    files: dict[StrictStr, Count]


class ChainState(Schema):
    """chain.json: what was asked of a chain of trainings, and the best held-out loss of each generation."""

    asked: dict[str, Any]
    losses: Annotated[list[float], Field(max_length=1000)]
    ended: StrictBool


class TFTask(Schema):
    """Section `task` of TF_CONFIG: which process this one is."""

    type: StrictStr
    index: Count


class TFConfig(Schema):
    """The environment variable TF_CONFIG: the addresses of the processes that train together, by their type."""

    cluster: dict[str, list[str]]
    task: TFTask


class TeamMessage(Schema):
    """A line between the processes of a training (training/distributed/team.py)."""

    kind: StrictStr
    index: Count = 0
    line: StrictStr = ""
    facts: dict[str, str] = {}
    value: Any = None
