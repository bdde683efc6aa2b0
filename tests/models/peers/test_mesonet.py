from io import BytesIO

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from unmask.models.backbones.registry.converters.mesonet import PARTS, read_tensors
from unmask.models.peers.mesonet import MesoNet

KINDS = {nn.Conv2d: "conv2d", nn.BatchNorm2d: "batch_normalization", nn.Linear: "dense"}


def pack(network, first_number=1):
    """Return the weights as Keras stores them, with channels last and layers by number."""
    counts, file = dict.fromkeys(KINDS.values(), first_number), BytesIO()
    with h5py.File(file, "w") as out:
        for part in network.modules():
            kind = KINDS.get(type(part))
            if kind is None:
                continue
            layer, counts[kind] = f"{kind}_{counts[kind]}", counts[kind] + 1
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            for name in names if kind == "batch_normalization" else ("kernel", "bias"):
                value = getattr(part, PARTS[name]).detach().numpy()
                if name == "kernel":
                    value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
                    if len(value) == 16 * 8 * 8:  # the flattened picture
                        value = value.reshape(16, 8, 8, 16).transpose(1, 2, 0, 3).reshape(-1, 16)
                out[f"{layer}/{layer}/{name}:0"] = value
    return file.getvalue()


@pytest.fixture(params=[False, True], ids=["meso-4", "mesoinception-4"])
def network(request):
    torch.manual_seed(0)
    net = MesoNet(inception=request.param).eval()
    for norm in net.norms:
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    return net, request.param


@pytest.mark.parametrize("first_number", [1, 5])
def test_weights_of_keras_are_those_of_torch(network, first_number):
    net, inception = network
    tensors = read_tensors(pack(net, first_number), inception=inception)
    assert set(tensors) == set(net.state_dict())
    for name, value in net.state_dict().items():
        torch.testing.assert_close(tensors[name], value, msg=name)


def test_weights_of_the_other_network_are_refused(network):
    net, inception = network
    with pytest.raises(ValueError, match="zip"):
        read_tensors(pack(net), inception=not inception)


def test_bytes_that_are_no_hdf5_are_refused():
    with pytest.raises(OSError, match="signature"):
        read_tensors(b"weights", inception=False)


def test_meso_4_is_four_convolutions_and_two_dense_layers():
    torch.manual_seed(0)
    net, face = MesoNet(inception=False).eval(), torch.rand(1, 3, 256, 256)
    x = face
    for conv, norm, pool in zip(net.convs, net.norms, (2, 2, 2, 4), strict=True):
        x = torch.conv2d(x, conv.weight, conv.bias, padding=conv.kernel_size[0] // 2).clamp(min=0)
        scale = norm.weight / (norm.running_var + 0.001).sqrt()
        x = (x - norm.running_mean[:, None, None]) * scale[:, None, None]
        x = x + norm.bias[:, None, None]
        x = x.unfold(2, pool, pool).unfold(3, pool, pool).amax(dim=(4, 5))
    assert x.shape == (1, 16, 8, 8)
    hidden = net.hidden(x.reshape(1, -1))
    genuine = net.head(torch.where(hidden > 0, hidden, hidden / 10))
    with torch.inference_mode():
        torch.testing.assert_close(net(face), -genuine)


def test_each_path_of_an_inception_module_sees_farther():
    module = MesoNet(inception=True).convs[0]
    picture = torch.zeros(1, 3, 15, 15, requires_grad=True)
    reaches = []
    for channel in (0, 1, 5, 9):  # the first of each path
        for path in module.paths:
            nn.init.constant_(path[0].bias, 1.0)  # no rectifier is closed
        (gradient,) = torch.autograd.grad(module(picture)[0, channel, 7, 7], picture)
        seen = np.flatnonzero(gradient[0].abs().sum(dim=(0, 1)).numpy())
        reaches.append(int(abs(seen - 7).max()))
    assert reaches == [0, 1, 2, 3]
