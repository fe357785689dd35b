"""Tensors as bytes: the safetensors format, with checks of our own in front of the library that reads it.

The format is eight bytes of header length, a JSON header that gives each tensor its type, shape and place, and the
tensors' bytes one behind the other without a gap (Hugging Face 2022, audited by Trail of Bits 2023).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from melisma.errors import Failure, Refusal
from melisma.runs.plain import from_json, shown

if TYPE_CHECKING:
    from torch import Tensor

HEADER_LIMIT = 10_000_000
PREFIX = 8
MOST_AXES = 8
WIDTHS = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "I32": 4, "I64": 8, "F16": 2, "BF16": 2, "F32": 4, "F64": 8}
KINDS = {
    "torch.bool": "BOOL",
    "torch.uint8": "U8",
    "torch.int8": "I8",
    "torch.int16": "I16",
    "torch.int32": "I32",
    "torch.int64": "I64",
    "torch.float16": "F16",
    "torch.bfloat16": "BF16",
    "torch.float32": "F32",
    "torch.float64": "F64",
}
WEIGHT = "F32"  # what every weight of a model is
FOREIGN = (  # how files begin that hold, or may hold, code to be run when they are opened
    (b"PK\x03\x04", "a zip archive, as torch.save writes"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
)


class Form(NamedTuple):
    """The type and the shape that a tensor must have."""

    kind: str  # one of ``WIDTHS``
    shape: tuple[int, ...]


class Shaped(NamedTuple):
    """What the header says of one tensor."""

    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int


def foreign(head: bytes) -> str | None:
    """What a file that begins like this is, if it is one that is never opened; None for all else."""
    if head[PREFIX : PREFIX + 1] == b"{":  # a safetensors header whose length happens to begin like a pickle
        return None
    return next((what for start, what in FOREIGN if head.startswith(start)), None)


def header_length(head: bytes, size: int, where: str) -> int:
    """The length in bytes of the header of a file of ``size`` bytes that begins with ``head`` (nine bytes do)."""
    what = foreign(head)
    if what is not None:
        raise Refusal(f"{where} is {what}; pickles are not opened, weights are read from safetensors files only")
    if size < PREFIX or len(head) < min(size, PREFIX):
        raise Refusal(f"{where} has {size} bytes, a safetensors file has at least {PREFIX + 2}")
    length = int.from_bytes(head[:PREFIX], "little")
    if length < 2:
        raise Refusal(f"{where} has a header of {length} bytes, at least 2 are wanted")
    if length > HEADER_LIMIT:
        raise Refusal(f"{where} claims a header of {length} bytes, at most {HEADER_LIMIT} are read")
    if length > size - PREFIX:
        raise Refusal(f"{where} claims a header of {length} bytes and has only {size - PREFIX} behind the length")
    return length


def check_header(head: bytes, size: int, where: str) -> dict[str, Shaped]:
    """What a safetensors file of ``size`` bytes holds, from its first ``8 + header length`` bytes ``head``.

    Refusal unless the header is strict JSON, every type is one of ``WIDTHS``, every shape fits its bytes, and the
    tensors tile the rest of the file exactly.
    """
    length = header_length(head, size, where)
    if len(head) < PREFIX + length:
        raise Refusal(f"{where} ends within its header")
    if head[PREFIX : PREFIX + 1] != b"{":
        raise Refusal(f"{where} has a header that does not begin with an opening brace")
    table = from_json(head[PREFIX : PREFIX + length], f"the header of {where}")
    notes = table.pop("__metadata__", {})
    if type(notes) is not dict or any(type(value) is not str for value in notes.values()):
        raise Refusal(f"{where} has metadata that is not a table of texts")
    found = {name: _shaped(name, told, where) for name, told in table.items()}
    _check_tiling(found, size - PREFIX - length, where)
    return found


def _shaped(name: str, told: Any, where: str) -> Shaped:
    place = f"the tensor {shown(name)} of {where}"
    if type(told) is not dict or set(told) != {"dtype", "shape", "data_offsets"}:
        raise Refusal(f"{place} is not described by dtype, shape and data_offsets alone")
    kind, shape, span = told["dtype"], told["shape"], told["data_offsets"]
    if type(kind) is not str or kind not in WIDTHS:
        raise Refusal(f"{place} has the type {shown(str(kind))}, one of {', '.join(WIDTHS)} is wanted")
    if not _counts(shape) or len(shape) > MOST_AXES:
        raise Refusal(f"{place} has no shape of at most {MOST_AXES} whole numbers from 0 up")
    if not _counts(span) or len(span) != 2:
        raise Refusal(f"{place} has no data_offsets of two whole numbers from 0 up")
    begin, end = span
    if end - begin != math.prod(shape) * WIDTHS[kind]:
        raise Refusal(f"{place} has {end - begin} bytes, its type and shape want {math.prod(shape) * WIDTHS[kind]}")
    return Shaped(kind, tuple(shape), begin, end)


def _counts(value: Any) -> bool:
    return type(value) is list and all(type(item) is int and 0 <= item < 2**63 for item in value)


def _check_tiling(found: Mapping[str, Shaped], size: int, where: str) -> None:
    spans = sorted((tensor.begin, tensor.end, name) for name, tensor in found.items())
    for (_, end, name), (begin, _, following) in pairwise([(0, 0, ""), *spans, (size, size, "")]):
        if begin != end:
            fault = "overlaps" if begin < end else "leaves a gap behind"
            if following == "":
                raise Refusal(f"{where} has {size} bytes of tensors, its header accounts for {end}")
            before = f"the tensor {shown(name)}" if name else "the header"
            raise Refusal(f"the tensor {shown(following)} of {where} {fault} {before}")


def weight_forms(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Form]:
    """The forms of a model's weights, which have these shapes."""
    return {name: Form(WEIGHT, tuple(shape)) for name, shape in shapes.items()}


def forms_of(tensors: Mapping[str, Tensor]) -> dict[str, Form]:
    """The forms of these tensors, which need hold no numbers (``meta``)."""
    return {name: Form(KINDS[str(tensor.dtype)], tuple(tensor.shape)) for name, tensor in tensors.items()}


def check_shapes(found: Mapping[str, Form | Shaped], wanted: Mapping[str, Form], where: str = "the model") -> None:
    """Refusal, naming the first three, where tensors are missing, too many, or not of the type and shape wanted."""
    faults = [f"lacks {shown(name)}" for name in wanted if name not in found]
    faults += [f"has {shown(name)}, which the settings do not know" for name in found if name not in wanted]
    faults += [
        f"has {list(found[name].shape)} for {shown(name)} where the settings say {list(form.shape)}"
        for name, form in wanted.items()
        if name in found and found[name].shape != form.shape
    ]
    faults += [
        f"has {found[name].kind} for {shown(name)} where the settings say {form.kind}"
        for name, form in wanted.items()
        if name in found and found[name].kind != form.kind
    ]
    if faults:
        more = f", and {len(faults) - 3} more differences" if len(faults) > 3 else ""
        raise Refusal(f"{where} {', '.join(faults[:3])}{more}")


def to_bytes(tensors: Mapping[str, Tensor] | Mapping[str, np.ndarray[Any, Any]], *, finite: bool, where: str) -> bytes:
    """A safetensors file in memory, the same bytes for the same tensors.

    Tensors that share their memory are written one by one. With ``finite`` NaN and infinity are a Failure: a model
    that cannot be used must not take the place of one that can.
    """
    arrays = {name: array for name, array in tensors.items() if isinstance(array, np.ndarray)}
    if len(arrays) == len(tensors):
        from safetensors.numpy import save as save_arrays

        if finite:
            broken = [
                name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()
            ]
            _refuse_broken(broken, where)
        return bytes(save_arrays({name: np.asarray(array, order="C") for name, array in arrays.items()}))
    return _torch_bytes(tensors, finite, where)


def _torch_bytes(tensors: Mapping[str, Any], finite: bool, where: str) -> bytes:
    from safetensors.torch import save

    made: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        memory = plain.untyped_storage().data_ptr()
        made[name] = plain.clone() if memory in seen else plain
        seen.add(memory)
    if finite:
        endless = [name for name, tensor in made.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
        _refuse_broken(endless, where)
    return bytes(save(made))


def _with_nan(tensors: Mapping[str, Tensor]) -> list[str]:
    return [name for name, tensor in tensors.items() if tensor.is_floating_point() and bool(tensor.isnan().any())]


def _refuse_broken(names: list[str], where: str) -> None:
    if names:
        raise Failure(
            f"{where} was not written: {shown(names[0])} holds NaN or infinity, so the training has broken down; "
            "try a smaller training.rate, a longer training.warmup or a smaller training.clip"
        )


def from_bytes(data: bytes, where: str, *, finite: bool) -> dict[str, Tensor]:
    """The tensors of a safetensors file, every check made first; with ``finite`` a NaN is a Refusal."""
    check_header(data, len(data), where)
    from safetensors.torch import load

    tensors: dict[str, Tensor] = load(data)
    broken = _with_nan(tensors) if finite else []
    if broken:
        raise Refusal(f"{where} holds NaN in {shown(broken[0])}, numbers are wanted")
    return tensors
