"""AASIST: from its authors' checkpoint to the names of :class:`unmask.models.peers.aasist.Aasist`.

The checkpoint has normalisations in front of the residual blocks, which the authors' network
computes but does not use (``bn1``); they are left out.
"""

import re
from io import BytesIO

import torch
from torch import Tensor

UNUSED = re.compile(r"\.bn1\.")
NAMES = (  # pattern in the checkpoint, and replacement; all are applied in turn
    (r"^first_bn\.", "norm."),
    (r"^encoder\.(\d)\.0\.", r"encoder.\1."),
    (r"\.bn2\.", ".norm."),
    (r"\.conv_downsample\.", ".skip."),
    (r"^pos_S$", "band_position"),
    (r"^GAT_layer_S\.", "band_attention."),
    (r"^GAT_layer_T\.", "step_attention."),
    (r"^HtrgGAT_layer_ST11\.", "branches.0.first."),
    (r"^HtrgGAT_layer_ST12\.", "branches.0.second."),
    (r"^HtrgGAT_layer_ST21\.", "branches.1.first."),
    (r"^HtrgGAT_layer_ST22\.", "branches.1.second."),
    (r"^pool_S\.", "pool_bands."),
    (r"^pool_T\.", "pool_steps."),
    (r"^pool_hS1\.", "branches.0.pool_bands."),
    (r"^pool_hT1\.", "branches.0.pool_steps."),
    (r"^pool_hS2\.", "branches.1.pool_bands."),
    (r"^pool_hT2\.", "branches.1.pool_steps."),
    (r"^master1$", "branches.0.stack"),
    (r"^master2$", "branches.1.stack"),
    (r"^out_layer\.", "head."),
    (r"(pool_\w+)\.proj\.", r"\1.score."),
    (r"\.proj_type1\.", ".first."),
    (r"\.proj_type2\.", ".second."),
    (r"\.att_weight11$", ".first_weight"),
    (r"\.att_weight22$", ".second_weight"),
    (r"\.att_weight(12)?$", ".pair_weight"),
    (r"\.att_weightM$", ".stack_weight"),
    (r"\.att_projM\.", ".stack_pair."),
    (r"\.att_proj\.", ".pair."),
    (r"\.proj_with_attM\.", ".stack_attended."),
    (r"\.proj_without_attM\.", ".stack_own."),
    (r"\.proj_with_att\.", ".attended."),
    (r"\.proj_without_att\.", ".own."),
    (r"\.bn\.", ".norm."),
)


def read_tensors(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of the network.

    Raises:
        pickle.UnpicklingError: The checkpoint holds anything but tensors.
    """
    stored = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    used = {name: value for name, value in stored.items() if not UNUSED.search(name)}
    return {_rename(name): value.contiguous() for name, value in used.items()}


def _rename(name: str) -> str:
    for pattern, replacement in NAMES:
        name = re.sub(pattern, replacement, name)
    return name
