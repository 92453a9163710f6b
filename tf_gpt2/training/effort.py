"""What the words of `effort` stand for. Plain values, no TensorFlow."""

QUICK, EVENING, THOROUGH = EFFORTS = ("quick", "evening", "thorough")
# How long an evening's training is, and each generation of a thorough one, where no length is given.
EVENING_MINUTES = 60.0
# Of `thorough`: a generation that is better by less, in nats per token, is kept and is the last one. Trainings that
# differ by their seeds alone are 0.006 to 0.024 apart (docs/notes/nanogpt.md).
LEAST_GAIN = 0.01
# In what a chain that goes on may differ from how it began: how it reports and what it computes on.
MAY_DIFFER = (
    *("resume", "log_every", "sample_every", "sample_prompt", "checkpoint_every", "keep_checkpoints"),
    *("precision", "devices", "wait_for_workers", "remat"),
)
