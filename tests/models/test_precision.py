import pytest
import torch

from unmask.models.precision import autocast, use_bf16

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "wanted"),
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True, "avx512_bf16": False}, True),
        ({"avx512_f": True}, False),
        ({}, False),
    ],
)
def test_auto_asks_the_processor(monkeypatch, capabilities, wanted):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert use_bf16("auto", CPU) is wanted
    assert use_bf16("bf16", CPU)
    assert not use_bf16("32", CPU)


def test_an_older_torch_stays_with_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not use_bf16("auto", CPU)


@pytest.mark.parametrize(("precision", "dtype"), [("32", torch.float32), ("bf16", torch.bfloat16)])
def test_products_are_computed_in_the_precision_asked_for(precision, dtype):
    with autocast(precision, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
