"""Makes the small checkpoints in tests/data/checkpoints and what the original programs compute from them.

Two runs, since no environment holds all of the programs:

    python tests/data/make_checkpoints.py transformers   # torch 2.13 and transformers 4.57
    python tests/data/make_checkpoints.py tensorflow     # the project's environment

Every folder has expected.npz: `ids` [T], the original's `logits` [T, V] in float32 and `greedy` [P + 50], a prompt
with its greedy continuation. tokens.json holds the ids that the original tokenizers give for nasty texts.
Shapes: T tokens, P tokens of prompt, V vocabulary, D width, H heads.
"""

import hashlib
import json
import pathlib
import shutil
import sys

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "checkpoints"
V, CONTEXT, LAYERS, HEADS, WIDTH = 284, 64, 2, 4, 16
LENGTH, PROMPT, GREEDY = 24, 14, 50
END = "<|endoftext|>"
TEXT = "It was the best of times, it was the worst of times. 话说天下大势，分久必合，合久必分。"
NASTY = [
    "", " ", "  \n\n ", "\n", "话说\n天下", "a\nb\n", "\r\n", "a\tb", "\t话\t", "话说天下大势，分久必合。",
    "話說天下",
    "it's the times' 12 times, it WAS!", "Café naïve", "cafe\u0301", "e\u0301\u0323", "한글", "ก็", "😀",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0010ffff", "\ufffd", "\ufeff话", "\u2028x\u00a0y\u3000z",
    "a\x00b",
    END, f"话{END}说", "[SEP]", "话[CLS]说[MASK]", "[UNK] [PAD]", "<|end", "Ġ", "##s", "the best<the>times",
    "e\ud800r", "\udfff话",
]  # fmt: skip
LONG = ["好", "a", " ", "é", "\n", "!"]
WORD_PIECES = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"，。！？：；“”、,.!?:;'\"<>|[]#-", *"0123456789",
    *"abcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789"), "it", "was", "the",
    "best", "of", "times", "##es", "sep", "cafe", *"话说天下大势分久必合好一二三人不",
]  # fmt: skip


def random_weights(size, seed, tied=True):
    """Weights by Hugging Face name, large enough that every term of the model shows in the logits."""
    generator = np.random.default_rng(seed)
    block = {
        "ln_1": (WIDTH,), "attn.c_attn": (WIDTH, 3 * WIDTH), "attn.c_proj": (WIDTH, WIDTH), "ln_2": (WIDTH,),
        "mlp.c_fc": (WIDTH, 4 * WIDTH), "mlp.c_proj": (4 * WIDTH, WIDTH),
    }  # fmt: skip
    shapes = {"wte.weight": (size, WIDTH), "wpe.weight": (CONTEXT, WIDTH)}
    for name, shape in [*((f"h.{i}.{k}", s) for i in range(LAYERS) for k, s in block.items()), ("ln_f", (WIDTH,))]:
        shapes.update({f"{name}.weight": shape, f"{name}.bias": shape[-1:]})
    if not tied:
        shapes["lm_head.weight"] = (size, WIDTH)
    weights = {name: generator.normal(0, 0.4, shape) for name, shape in shapes.items()}
    for name, array in weights.items():
        if "ln_" in name and name.endswith("weight"):
            array += 1
    return {name: array.astype(np.float32) for name, array in weights.items()}


def record(folder, logits_of, size, end):
    """Writes expected.npz; `logits_of` gives logits [T, V] of ids [T]."""
    ids = np.random.default_rng(9).integers(0, size, LENGTH)
    greedy = list(ids[:PROMPT])
    for _ in range(GREEDY):
        greedy.append(int(np.argmax(logits_of(np.array(greedy))[-1])))
    logits = logits_of(ids).astype(np.float32)
    np.savez_compressed(folder / "expected.npz", ids=ids, logits=logits, greedy=greedy, prompt=PROMPT, end=end)


def new_folder(name):
    """An empty folder of the fixtures."""
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    (FOLDER / name).mkdir(parents=True)
    return FOLDER / name


# The part that needs torch and transformers.


def with_transformers():
    """Hugging Face's directories in their variants, GPT2-Chinese's, and the expected ids of both tokenizers."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    bpe = _make_bpe(transformers)
    pieces = new_folder("gpt2_chinese") / "vocab.txt"
    pieces.write_text("".join(f"{piece}\n" for piece in WORD_PIECES), "utf-8")
    bert = transformers.BertTokenizer(str(pieces))
    _record_tokens(bpe, bert)

    whole = _model(transformers, torch, random_weights(V, 0))
    folder = new_folder("hugging_face")
    whole.save_pretrained(folder)
    bpe.save_vocabulary(str(folder))
    _finish(folder, whole, bpe.eos_token_id)

    folder = new_folder("pytorch_bin")
    whole.config.save_pretrained(folder)
    torch.save(whole.state_dict(), folder / "pytorch_model.bin")
    bpe.save_vocabulary(str(folder))
    _finish(folder, whole, bpe.eos_token_id)

    half = _model(transformers, torch, random_weights(V, 1, tied=False), tied=False, dtype=torch.float16)
    folder = new_folder("hugging_face_sharded")
    half.half().save_pretrained(folder, max_shard_size="10KB")
    transformers.GPT2TokenizerFast(str(FOLDER / "hugging_face/vocab.json"), str(FOLDER / "hugging_face/merges.txt")
                                   ).backend_tokenizer.save(str(folder / "tokenizer.json"))  # fmt: skip
    _finish(folder, half.float(), bpe.eos_token_id)

    _make_bare(transformers, torch, bpe)
    _make_chinese(transformers, torch, pieces.parent, bert)


def _make_bare(transformers, torch, bpe):
    """As transformers wrote it before 2023: no prefix, buffers of the causal mask; here in bfloat16 too."""
    from safetensors.torch import save_file

    model = _model(transformers, torch, random_weights(V, 2), dtype=torch.bfloat16)
    folder = new_folder("hugging_face_bare")
    tensors = {name: tensor.bfloat16().contiguous() for name, tensor in model.transformer.state_dict().items()}
    for index in range(LAYERS):
        mask = torch.tril(torch.ones(CONTEXT, CONTEXT, dtype=torch.bool))
        tensors[f"h.{index}.attn.bias"] = mask[None, None].clone()
        tensors[f"h.{index}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    model.config.save_pretrained(folder)
    bpe.save_vocabulary(str(folder))
    _finish(folder, model, bpe.eos_token_id)


def _make_chinese(transformers, torch, folder, bert):
    """As GPT2-Chinese leaves it, with the head stored beside the embedding it is tied to, in safetensors."""
    from safetensors.torch import save_file

    size = len(WORD_PIECES)
    model = _model(transformers, torch, random_weights(size, 3), size=size)
    save_file({name: tensor.clone() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    config = {
        "initializer_range": 0.02, "layer_norm_epsilon": 1e-5, "n_ctx": CONTEXT, "n_embd": WIDTH, "n_head": HEADS,
        "n_layer": LAYERS, "vocab_size": size,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    _finish(folder, model, bert.cls_token_id)


def _make_bpe(transformers):
    import tokenizers

    model = tokenizers.ByteLevelBPETokenizer()
    model.train_from_iterator([TEXT] * 3, vocab_size=V, min_frequency=1, special_tokens=[END], show_progress=False)
    folder = new_folder("hugging_face")
    model.save_model(str(folder))
    return transformers.GPT2Tokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))


def _model(transformers, torch, weights, tied=True, size=V, dtype=None):
    config = transformers.GPT2Config(
        vocab_size=size, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, tie_word_embeddings=tied
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    prefixed = {n if n.startswith("lm_head") else f"transformer.{n}": torch.tensor(a) for n, a in weights.items()}
    if dtype is not None:
        prefixed = {name: tensor.to(dtype) for name, tensor in prefixed.items()}
    missing = model.load_state_dict(prefixed, strict=False).missing_keys
    assert set(missing) <= {"lm_head.weight"}, missing
    model.tie_weights()
    return model


def _finish(folder, model, end):
    import torch

    def logits_of(ids):
        with torch.no_grad():
            return model(torch.tensor(ids)[None]).logits[0].numpy()

    for name in ("generation_config.json", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    record(folder, logits_of, model.config.vocab_size, end)


def _record_tokens(bpe, bert):
    """Ids of the slow tokenizers, which are the original code; number and hash of those of the long texts.

    Neither takes unpaired surrogates the way text files can hold them, so those count as U+FFFD. GPT2-Chinese puts
    [SEP] for every line feed. Text that spells a special token is text.
    """

    def bpe_ids(text):
        return bpe(
            text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), split_special_tokens=True
        )

    def bert_ids(text):
        lines = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").split("\n")
        words = [bert._tokenize(line, split_special_tokens=True) for line in lines]
        ids = [bert.convert_tokens_to_ids(line) for line in words]
        return sum(([bert.sep_token_id, *line] for line in ids), [])[1:]

    def digest(ids):
        return [len(ids), hashlib.sha256(np.array(ids, "<i4").tobytes()).hexdigest()]

    of = {"bpe": lambda text: bpe_ids(text).input_ids, "word_piece": bert_ids}
    tokens = {
        kind: {
            "nasty": [[text, ids_of(text)] for text in NASTY],
            "long": [[character, digest(ids_of(character * 100_000))] for character in LONG],
        }
        for kind, ids_of in of.items()
    }
    (FOLDER / "tokens.json").write_text(json.dumps(tokens, indent=0))


# The part that needs TensorFlow and KerasHub.


def with_tensorflow():
    """OpenAI's checkpoint, written and run by a graph of TensorFlow 1, and KerasHub's preset."""
    import tensorflow as tf

    _make_openai(tf)
    _make_keras_hub()


def _make_openai(tf):
    v1 = tf.compat.v1
    weights = random_weights(V, 4)
    folder = new_folder("openai")
    hparams = {"n_vocab": V, "n_ctx": CONTEXT, "n_embd": WIDTH, "n_head": HEADS, "n_layer": LAYERS}
    (folder / "hparams.json").write_text(json.dumps(hparams))
    shutil.copy(FOLDER / "hugging_face/vocab.json", folder / "encoder.json")
    shutil.copy(FOLDER / "hugging_face/merges.txt", folder / "vocab.bpe")
    with tf.Graph().as_default(), v1.Session() as session:
        ids = v1.placeholder(tf.int32, [None])
        logits = _openai_graph(tf, weights, ids)
        session.run(v1.global_variables_initializer())
        v1.train.Saver(save_relative_paths=True).save(session, str(folder / "model.ckpt"), write_meta_graph=False)
        end = json.loads((folder / "encoder.json").read_text())[END]
        record(folder, lambda given: session.run(logits, {ids: given}), V, end)


def _openai_graph(tf, weights, ids):
    """Logits [T, V] of ids [T] with variables named and shaped as in openai/gpt-2, src/model.py."""
    v1 = tf.compat.v1

    def variable(name, value):
        return v1.get_variable(name, initializer=tf.constant(value))

    def norm(x, scope, source):
        with v1.variable_scope(scope):
            gain, bias = variable("g", weights[f"{source}.weight"]), variable("b", weights[f"{source}.bias"])
        mean = tf.reduce_mean(x, -1, keepdims=True)
        variance = tf.reduce_mean(tf.square(x - mean), -1, keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-5) * gain + bias

    def conv1d(x, scope, source):
        with v1.variable_scope(scope):
            kernel = variable("w", weights[f"{source}.weight"][None])  # [1, in, out]
            return tf.matmul(x, kernel[0]) + variable("b", weights[f"{source}.bias"])

    def attention(x, source):
        parts = tf.split(conv1d(x, "c_attn", f"{source}.c_attn"), 3, axis=1)
        heads = [tf.transpose(tf.reshape(p, (-1, HEADS, WIDTH // HEADS)), (1, 0, 2)) for p in parts]  # [H, T, K]
        scores = tf.matmul(heads[0], heads[1], transpose_b=True) / np.sqrt(WIDTH / HEADS).astype(np.float32)
        mask = tf.linalg.band_part(tf.ones_like(scores), -1, 0)
        joined = tf.matmul(tf.nn.softmax(scores * mask - 1e10 * (1 - mask)), heads[2])
        return conv1d(tf.reshape(tf.transpose(joined, (1, 0, 2)), (-1, WIDTH)), "c_proj", f"{source}.c_proj")

    with v1.variable_scope("model"):
        wte, wpe = variable("wte", weights["wte.weight"]), variable("wpe", weights["wpe.weight"])
        x = tf.gather(wte, ids) + wpe[: tf.shape(ids)[0]]
        for index in range(LAYERS):
            with v1.variable_scope(f"h{index}"):
                normed = norm(x, "ln_1", f"h.{index}.ln_1")
                with v1.variable_scope("attn"):
                    x = x + attention(normed, f"h.{index}.attn")
                normed = norm(x, "ln_2", f"h.{index}.ln_2")
                with v1.variable_scope("mlp"):
                    inner = conv1d(normed, "c_fc", f"h.{index}.mlp.c_fc")
                    inner = 0.5 * inner * (1 + tf.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * tf.pow(inner, 3))))
                    x = x + conv1d(inner, "c_proj", f"h.{index}.mlp.c_proj")
        return tf.matmul(norm(x, "ln_f", "ln_f"), wte, transpose_b=True)


def _make_keras_hub():
    import keras
    import keras_hub

    keras.utils.set_random_seed(5)
    folder = new_folder("keras_hub")
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=V, num_layers=LAYERS, num_heads=HEADS, hidden_dim=WIDTH, intermediate_dim=4 * WIDTH,
        max_sequence_length=CONTEXT,
    )  # fmt: skip
    generator = np.random.default_rng(5)
    for weight in backbone.trainable_weights:
        weight.assign(generator.normal(1.0 if "gamma" in weight.path else 0.0, 0.4, weight.shape))
    tokenizer = keras_hub.models.GPT2Tokenizer(
        vocabulary=str(FOLDER / "hugging_face/vocab.json"), merges=str(FOLDER / "hugging_face/merges.txt")
    )
    preprocessor = keras_hub.models.GPT2CausalLMPreprocessor(tokenizer, sequence_length=CONTEXT)
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor)
    model.save_to_preset(str(folder))

    def logits_of(ids):
        return np.array(model({"token_ids": ids[None], "padding_mask": np.ones_like(ids)[None]})[0])

    record(folder, logits_of, V, tokenizer.end_token_id)


if __name__ == "__main__":
    {"transformers": with_transformers, "tensorflow": with_tensorflow}[sys.argv[1]]()
