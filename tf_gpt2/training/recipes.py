"""Recipes that go with the presets: what a run uses where the user names nothing else."""

# Peak learning rates. Muon's update has a size of its own (0.2 RMS a matrix entry), so its rate does not compare
# with Adam's. AdamW's for the OpenAI shapes are those of GPT-3's paper (Brown et al. 2020, Table 2.1) for
# models of these sizes; those of `demo` were measured (docs/demo-preset.md).
_LEARNING_RATES = {
    "demo": {"muon": 2e-2, "adamw": 3e-3},
    "jinyong": {"muon": 5e-3, "adamw": 6e-4},
    "gpt2": {"muon": 5e-3, "adamw": 6e-4},
    "gpt2-medium": {"muon": 3e-3, "adamw": 3e-4},
    "gpt2-large": {"muon": 2.5e-3, "adamw": 2.5e-4},
    "gpt2-xl": {"muon": 2e-3, "adamw": 2e-4},
}
# Fine-tuning moves weights that are already good: small steps, as gpt-2-simple's 1e-4 for Adam.
_FINE_TUNING_RATES = {"muon": 5e-4, "adamw": 1e-4}
_BATCH_SIZES = {"demo": 16}
DEFAULT_BATCH_SIZE = 8
DEFAULT_EPOCHS = 10.0
# `make demo` trains for so long, in minutes, whatever the machine: the step is timed first.
DEMO_MINUTES = 4.0


def default_learning_rate(preset: str, optimizer: str, *, fine_tuning: bool) -> float:
    """Peak learning rate of a preset, or of fine-tuning."""
    return _FINE_TUNING_RATES[optimizer] if fine_tuning else _LEARNING_RATES[preset][optimizer]


def default_batch_size(preset: str) -> int:
    """Sequences a step."""
    return _BATCH_SIZES.get(preset, DEFAULT_BATCH_SIZE)
