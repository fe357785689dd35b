"""How each system is told what to train and to translate: its configuration, and its command.

All have embeddings of 256, an encoder of two layers of LSTMs of 256 each way, a decoder of LSTMs of 512 with general
attention and without input feeding, dropout 0.2, no tied matrices, Adam, gradients clipped at 1, 32 bits. What differs:
OpenNMT-py starts its decoder from the encoder's last states, and so has two decoder layers; JoeyNMT does not put
sentences of one length together. Both get a larger padded batch, so that it holds about as many real symbols.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from peer_data import DROPOUT, EACH_WAY, HIDDEN, WIDTH, Data

HERE = Path(__file__).resolve().parent
OPENNMT_BATCH, JOEYNMT_BATCH = 3500, 7200  # with padding and starts: about as many real symbols as Melisma's BATCH
BEAM, SENTENCES, LENGTH = 5, 32, 16  # of a search: hypotheses, sentences of a batch, symbols of every answer

OPENNMT_TRAIN = """\
data:
  corpus: {{path_src: {work}/train.source, path_tgt: {work}/train.target}}
src_vocab: {work}/vocabulary
tgt_vocab: {work}/vocabulary
save_model: {work}/opennmt
overwrite: true
encoder_type: brnn
decoder_type: rnn
rnn_type: LSTM
layers: 2
hidden_size: {hidden}
word_vec_size: {width}
global_attention: general
input_feed: 0
dropout: [{dropout}]
optim: adam
learning_rate: 0.0005
max_grad_norm: 1
batch_type: tokens
batch_size: {opennmt_batch}
bucket_size: 32768
num_workers: 0
world_size: 1
gpu_ranks: []
train_steps: {updates}
save_checkpoint_steps: {updates}
report_every: 1000
valid_steps: 1000000
seed: {seed}
"""

JOEYNMT_TRAIN = """\
name: peer
joeynmt_version: 2.3.0
model_dir: {work}/joeynmt
use_cuda: false
random_seed: {seed}
data:
  train: {work}/train
  dev: {work}/{valid}
  dataset_type: plain
  src: {{lang: source, level: word, lowercase: false, max_length: 1000, voc_file: {work}/vocabulary.joeynmt}}
  trg: {{lang: target, level: word, lowercase: false, max_length: 1000, voc_file: {work}/vocabulary.joeynmt}}
training:
  optimizer: {optimizer}
  adam_betas: [0.9, {beta}]
  learning_rate: {rate}
  label_smoothing: {smoothing}
  scheduling: exponential
  decrease_factor: 0.99
  learning_rate_min: 1.0e-8
  clip_grad_norm: 1.0
  normalization: tokens
  batch_size: {joeynmt_batch}
  batch_type: token
  epochs: 100
  updates: {updates}
  logging_freq: {logged}
  validation_freq: {validated}
  overwrite: true
  shuffle: true
testing: {{beam_size: 1, batch_size: {answered}, batch_type: sentence, max_output_length: {longest_answer}}}
model:
  initializer: xavier_uniform
  tied_embeddings: false
  tied_softmax: false
  encoder:
    type: recurrent
    rnn_type: lstm
    embeddings: {{embedding_dim: {width}, dropout: {dropout}}}
    hidden_size: {each_way}
    bidirectional: true
    dropout: {dropout}
    num_layers: {layers}
  decoder:
    type: recurrent
    rnn_type: lstm
    embeddings: {{embedding_dim: {width}, dropout: {dropout}}}
    hidden_size: {hidden}
    dropout: {dropout}
    hidden_dropout: {dropout}
    num_layers: 1
    input_feeding: false
    init_hidden: bridge
    attention: luong
"""

JOEYNMT_AS_TIMED = {  # beside the other peers: see above
    "valid": "few",
    "optimizer": "adam",
    "beta": 0.999,
    "rate": 0.0005,
    "smoothing": 0.0,
    "joeynmt_batch": JOEYNMT_BATCH,
    "logged": 100,
    "validated": 1_000_000,
    "answered": 32,
    "longest_answer": -1,
    "layers": 2,
    "dropout": DROPOUT,
}

OPENNMT_TRANSLATE = (
    "-model {work}/opennmt_step_{updates}.pt -src {work}/searched.source -output {work}/opennmt.answers "
    "-beam_size {beam} -batch_size {sentences} -batch_type sents -min_length {length} -max_length {longest} "
    "-max_length_ratio 0 -gpu -1"
)


@dataclass(frozen=True)
class System:
    """A system that takes part; ``python`` is that of its environment."""

    name: str
    python: Path
    train: str
    translate: str | None = None
    own: bool = False  # it runs in Melisma's environment


def own() -> list[System]:
    """What runs without a peer's environment."""
    python = Path(sys.executable)
    return [
        System("melisma", python, "melisma-train", "melisma-translate", True),
        System("plain nn.LSTM", python, "plain-train", "plain-translate", True),
    ]


def in_int8() -> System:
    """Melisma's search in 8-bit integers, with the weights of its training."""
    return System("melisma int8", Path(sys.executable), "melisma-train", "melisma-int8", True)


def peer(name: str, python: Path) -> System:
    """A peer by its name."""
    return {
        "OpenNMT-py": System(name, python, "opennmt-train", "opennmt-translate"),
        "JoeyNMT": System(name, python, "joeynmt-train"),
    }[name]


def train_command(system: System, data: Data, updates: int, notes: Path) -> list[str]:
    """Writes the configuration -> the command of so many updates."""
    if system.own:
        return _own(system, system.train, data, notes, updates)
    text = {"OpenNMT-py": OPENNMT_TRAIN, "JoeyNMT": JOEYNMT_TRAIN}[system.name]
    config = data.work / f"{system.train}.yaml"
    config.write_text(text.format(**_filled(data, updates)), encoding="utf-8")
    arguments = ["train", str(config), "-t"] if system.name == "JoeyNMT" else ["-config", str(config)]
    return [str(system.python), str(HERE / "peer_observed.py"), system.train, str(notes), *arguments]


def learn_command(python: Path, data: Data, updates: int, notes: Path, learned: Mapping[str, object]) -> list[str]:
    """Writes JoeyNMT's configuration -> the command of a training that validates, ``learned`` as it says."""
    config = data.work / "joeynmt-learn.yaml"
    config.write_text(JOEYNMT_TRAIN.format(**_filled(data, updates) | learned), encoding="utf-8")
    return [str(python), str(HERE / "peer_observed.py"), "joeynmt-learn", str(notes), "train", str(config), "-t"]


def translate_command(system: System, data: Data, updates: int, notes: Path) -> list[str]:
    """The command that searches answers for ``searched.source`` with the model after so many updates."""
    assert system.translate is not None
    if system.own:
        return _own(system, system.translate, data, notes, updates)
    arguments = OPENNMT_TRANSLATE.format(**_filled(data, updates)).split()
    return [str(system.python), str(HERE / "peer_observed.py"), system.translate, str(notes), *arguments]


def write_for_peers(data: Data, places: Sequence[int]) -> None:
    """The files that single peers want: JoeyNMT's vocabulary and validation data, the sources to be searched."""
    work = data.work
    names = (work / "vocabulary").read_text(encoding="utf-8")
    (work / "vocabulary.joeynmt").write_text("<unk>\n<pad>\n<s>\n</s>\n" + names, encoding="utf-8")
    for side in ("source", "target"):
        lines = (work / f"val.{side}").read_text(encoding="utf-8").splitlines(keepends=True)
        (work / f"few.{side}").write_text("".join(lines[:4]), encoding="utf-8")
        (work / f"searched.{side}").write_text("".join(lines[place] for place in places), encoding="utf-8")


def _own(system: System, program: str, data: Data, notes: Path, updates: int) -> list[str]:
    where = [str(data.folder), str(data.work), data.source, data.target, str(data.seed)]
    return [str(system.python), str(HERE / "peer_own.py"), program, str(notes), str(updates), *where]


def _filled(data: Data, updates: int) -> dict[str, object]:
    return JOEYNMT_AS_TIMED | {
        "work": data.work,
        "seed": data.seed,
        "updates": updates,
        "hidden": HIDDEN,
        "each_way": EACH_WAY,
        "width": WIDTH,
        "opennmt_batch": OPENNMT_BATCH,
        "beam": BEAM,
        "sentences": SENTENCES,
        "length": LENGTH,
        "longest": LENGTH + 1,
    }
