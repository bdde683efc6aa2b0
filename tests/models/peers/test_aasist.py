from io import BytesIO

import numpy as np
import pytest
import torch

from unmask.models.backbones.registry.converters.aasist import read_tensors
from unmask.models.peers.aasist import RATE_HZ, SAMPLES, TAPS, Aasist, sinc_filters
from unmask.models.peers.graph_attention import (
    GraphAttention,
    GraphPooling,
    HeterogeneousAttention,
)

OWN_NAMES = {  # in the authors' checkpoint: here
    "pos_S": "band_position",
    "master2": "branches.1.stack",
    "first_bn.running_var": "norm.running_var",
    "encoder.0.0.conv_downsample.weight": "encoder.0.skip.weight",
    "encoder.5.0.bn2.bias": "encoder.5.norm.bias",
    "GAT_layer_S.att_weight": "band_attention.pair_weight",
    "GAT_layer_T.proj_without_att.bias": "step_attention.own.bias",
    "HtrgGAT_layer_ST12.att_weight12": "branches.0.second.pair_weight",
    "HtrgGAT_layer_ST21.att_weight22": "branches.1.first.second_weight",
    "HtrgGAT_layer_ST21.proj_with_attM.weight": "branches.1.first.stack_attended.weight",
    "HtrgGAT_layer_ST22.att_projM.weight": "branches.1.second.stack_pair.weight",
    "HtrgGAT_layer_ST11.proj_type1.bias": "branches.0.first.first.bias",
    "pool_T.proj.weight": "pool_steps.score.weight",
    "pool_hS2.proj.bias": "branches.1.pool_bands.score.bias",
    "out_layer.weight": "head.weight",
}


def fill(module):
    """Give each weight a random value, and running statistics that are none of the defaults."""
    torch.manual_seed(0)
    with torch.no_grad():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) + 0.1)
    return module.eval()


def test_checkpoint_gets_the_names_of_the_network_and_unused_layers_are_left_out():
    stored = {name: torch.rand(2) for name in [*OWN_NAMES, "encoder.1.0.bn1.weight"]}
    file = BytesIO()
    torch.save(stored, file)
    tensors = read_tensors(file.getvalue())
    assert set(tensors) == set(OWN_NAMES.values())
    assert set(tensors) <= set(Aasist().state_dict())
    for name, own_name in OWN_NAMES.items():
        assert torch.equal(tensors[own_name], stored[name])


def test_filters_pass_their_own_band_of_the_mel_scale():
    responses = np.abs(np.fft.rfft(sinc_filters()[:, 0].numpy(), 8192))
    peaks_hz = responses.argmax(axis=1) * RATE_HZ / 8192
    edges_hz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 71) / 2595) - 1)
    resolution_hz = RATE_HZ / TAPS
    assert (peaks_hz > edges_hz[:-1] - resolution_hz).all()
    assert (peaks_hz < edges_hz[1:] + resolution_hz).all()


def test_order_of_the_nodes_does_not_matter():
    layer = fill(GraphAttention(4, 3, 2.0))
    nodes, order = torch.randn(2, 5, 4), torch.tensor([3, 0, 4, 1, 2])
    with torch.inference_mode():
        torch.testing.assert_close(layer(nodes[:, order]), layer(nodes)[:, order])


def test_two_graphs_with_one_weight_are_one_graph():
    mixed, plain = fill(HeterogeneousAttention(4, 3, 2.0)), GraphAttention(4, 3, 2.0).eval()
    with torch.no_grad():
        for weight in (mixed.first_weight, mixed.second_weight):
            weight.copy_(mixed.pair_weight)
        for projection in (mixed.first, mixed.second):
            projection.weight.copy_(torch.eye(4))
            projection.bias.zero_()
    shared = plain.state_dict().keys()
    plain.load_state_dict({k: v for k, v in mixed.state_dict().items() if k in shared})
    nodes = torch.randn(2, 5, 4)
    with torch.inference_mode():
        first, second, stack = mixed.forward_both(nodes[:, :2], nodes[:, 2:], torch.rand(2, 1, 4))
        torch.testing.assert_close(torch.cat([first, second], dim=1), plain(nodes))
        assert stack.shape == (2, 1, 3)
        mixed.first_weight.neg_()
        changed = mixed.forward_both(nodes[:, :2], nodes[:, 2:], torch.rand(2, 1, 4))
    torch.testing.assert_close(changed[1], second)  # its nodes have no pair in the first graph
    assert not torch.allclose(changed[0], first)


def test_pooling_keeps_the_best_nodes():
    pool = GraphPooling(1, 0.5).eval()
    with torch.no_grad():
        pool.score.weight.fill_(1.0)
        pool.score.bias.zero_()
    nodes = torch.tensor([[[-1.0], [2.0], [0.5], [3.0], [-4.0]]])
    expected = [3 * torch.sigmoid(torch.tensor(3.0)), 2 * torch.sigmoid(torch.tensor(2.0))]
    with torch.inference_mode():
        assert pool(nodes).flatten().tolist() == pytest.approx([float(e) for e in expected])


def test_sounds_of_a_batch_do_not_touch_each_other():
    net = fill(Aasist())
    sounds = torch.randn(2, SAMPLES) / 10
    with torch.inference_mode():
        both = net(sounds)
        torch.testing.assert_close(both[1:], net(sounds[1:]))
    assert both.shape == (2, 2)
    assert not torch.equal(both[0], both[1])
